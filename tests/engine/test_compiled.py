"""The part in C: what an installation without a compiler says, and does."""

import logging
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from watcherd.engine import compiled, processor
from watcherd.engine.attention import attend_compiled
from watcherd.engine.compiled import _FOR_PROCESSORS, library
from watcherd.engine.devices import place, suited
from watcherd.engine.int8 import Int8Linear
from watcherd.errors import DeviceUnavailableError


def test_it_is_there() -> None:
    assert library() is not None


@pytest.mark.usefixtures("uncompiled")
def test_without_it_the_way_out_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert library() is None
        assert library() is None
    (record,) = caplog.records
    assert "_compiled." in record.getMessage()
    assert "install gcc" in record.getMessage()


@pytest.mark.usefixtures("uncompiled")
def test_without_it_nothing_is_computed_in_int8() -> None:
    assert suited(place("cpu", "auto"), "whisper").dtype_name == "float32"
    with pytest.raises(DeviceUnavailableError) as caught:
        place("cpu", "int8")
    assert "compiled part" in str(caught.value)
    assert "gcc" in caught.value.remedy


@pytest.fixture(params=["x86-64-v4", "x86-64-v3", "generic"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This machine, as if its processor had nothing beyond this level."""
    level = str(request.param)
    features = _FOR_PROCESSORS.get(level, ())
    if not processor.processor_has(*features):
        pytest.skip(f"this processor is older than {level}")
    monkeypatch.setattr(compiled, "processor_has", lambda *wanted: set(wanted) <= set(features))
    library.cache_clear()
    yield level
    library.cache_clear()


def test_every_level_computes_the_same(level: str) -> None:
    functions = library()
    assert functions is not None
    assert level in functions._name
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (torch.randn(2, 3, count, 64, generator=generator) for count in (1, 700, 700))
    exact = functional.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2)
    assert torch.allclose(attend_compiled(queries, keys, values), exact, rtol=0, atol=2e-6)
    weight, inputs = torch.randn(21, 40, generator=generator), torch.randn(3, 40, generator=generator)
    found, expected = Int8Linear(weight, None)(inputs), inputs @ weight.T
    assert float((found - expected).norm() / expected.norm()) < 0.02

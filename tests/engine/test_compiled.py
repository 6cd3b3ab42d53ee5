"""The part in C: what an installation without a compiler says, and does."""

import logging

import pytest

from watcherd.engine.compiled import library
from watcherd.engine.devices import place, suited
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

"""Linear layers in 8-bit integers: close to what they stand for, and the same words from a real model."""

import jiwer
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.engine.conftest import RATE
from watcherd.engine import devices, processor
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import Placement, _require_int8, place
from watcherd.engine.int8 import Int8Linear
from watcherd.engine.recognizer import Hints, Reading
from watcherd.engine.whisper import WhisperRecognizer
from watcherd.errors import DeviceUnavailableError


def layer(inputs: int = 64, outputs: int = 96, *, bias: bool = True) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(inputs, outputs, bias=bias)


@pytest.mark.parametrize("shape", [(1, 64), (5, 64), (2, 7, 64)])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_results_are_within_one_percent_of_float(shape: tuple[int, ...], *, bias: bool) -> None:
    exact = layer(bias=bias)
    inputs = torch.randn(shape)
    expected, found = exact(inputs), Int8Linear(exact.weight, exact.bias)(inputs)
    assert found.shape == expected.shape
    assert float((found - expected).norm() / expected.norm()) < 0.015
    assert not torch.equal(found, expected)


@torch.inference_mode()
def test_a_row_does_not_depend_on_its_company() -> None:
    small = Int8Linear(layer().weight, layer().bias)
    row = torch.randn(1, 64)
    company = torch.cat([torch.randn(2, 64) * 1000, row, torch.randn(1, 64)])
    assert torch.equal(small(company)[2:3], small(row))


@torch.inference_mode()
def test_outputs_of_very_different_size_keep_their_own_precision() -> None:
    exact = layer(bias=False)
    exact.weight[3] *= 1000
    inputs = torch.randn(4, 64)
    difference = Int8Linear(exact.weight, None)(inputs) - exact(inputs)
    assert float(difference[:, :3].abs().max()) < 0.05


@torch.inference_mode()
def test_inputs_at_the_ends_of_the_range_do_not_overflow() -> None:
    weight = torch.ones(1, 4096)
    inputs = torch.stack([torch.ones(4096), -torch.ones(4096), torch.zeros(4096)])
    assert Int8Linear(weight, None)(inputs)[:, 0].tolist() == pytest.approx([4096, -4096, 0])


@torch.inference_mode()
def test_rows_whose_zero_lies_anywhere_keep_their_precision() -> None:
    exact = layer(256, 96)
    rows = torch.randn(5, 256)
    inputs = torch.stack([functional.gelu(3 * rows[0]), rows[1].abs() + 4, -rows[2].abs(), rows[3] + 2, 1e-3 * rows[4]])
    expected, found = exact(inputs), Int8Linear(exact.weight, exact.bias)(inputs)
    errors = (found - expected).norm(dim=1) / (expected - exact.bias).norm(dim=1)
    assert float(errors.max()) < 0.015


@torch.inference_mode()
def test_the_lowest_and_the_highest_input_have_a_level_wherever_zero_falls() -> None:
    """One step too many would wrap around, and the highest input count as the lowest."""
    shares = torch.linspace(0, 1, 4001)[:, None]
    inputs = torch.cat([-shares, 1 - shares], 1)
    each = Int8Linear(torch.eye(2), None)(inputs)
    torch.testing.assert_close(each, inputs, atol=0.005, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 2, 3, 8, 13, 40, 200])
def test_a_row_is_the_same_to_the_last_bit_among_however_many(rows: int) -> None:
    small = Int8Linear(layer(512, 2048).weight, layer(512, 2048).bias)
    inputs = torch.randn(200, 512)
    assert torch.equal(small(inputs[:rows]), small(inputs)[:rows])


def test_int8_on_a_gpu_is_refused_with_a_way_out() -> None:
    with pytest.raises(DeviceUnavailableError) as caught:
        _require_int8(torch.device("cuda", 0), "a card")
    assert 'dtype = "int8"' in str(caught.value)
    assert 'device = "cpu"' in caught.value.remedy


def test_what_is_no_linear_layer_stays_in_float32() -> None:
    placement = place("cpu", "int8")
    assert (placement.dtype, placement.int8, placement.dtype_name) == (torch.float32, True, "int8")


def test_a_spoken_window_has_the_words_of_float32(speech: npt.NDArray[np.float32]) -> None:
    windows = [speech.copy(), speech[: 5 * RATE].copy()]  # the second ends within a word, which nobody can know
    exact, small = (read("packaged:base", dtype, windows) for dtype in ("float32", "int8"))
    assert small[0].text.endswith("a cold wind came up from the river.")
    assert jiwer.wer(exact[0].text, small[0].text) < 0.04
    assert small[1].text.startswith("The quick brown fox jump")
    for found, expected in zip(small, exact, strict=True):
        assert found.avg_logprob == pytest.approx(expected.avg_logprob, abs=0.1)
        assert found.no_speech_prob == pytest.approx(expected.no_speech_prob, abs=0.1)


def read(model_id: str, dtype: str, windows: list[npt.NDArray[np.float32]]) -> list[Reading]:
    recognizer = WhisperRecognizer(resolve(model_id, download=False), place("cpu", dtype), batch_size=None)
    assert recognizer.placement.dtype_name == dtype
    return recognizer.read(windows, [Hints("en")] * len(windows))


@pytest.mark.parametrize(
    ("device", "family", "features", "dtype"),
    [
        ("cpu", "whisper", {"avx2", "avx_vnni"}, "int8"),
        ("cpu", "whisper", {"avx512f", "avx512_vnni"}, "int8"),
        ("cpu", "whisper", {"avx2", "avx512f"}, "float32"),
        ("cpu", "parakeet_ctc", {"avx512_vnni"}, "float32"),
        ("cuda", "whisper", {"avx512_vnni"}, "float16"),
    ],
)
def test_by_itself_it_is_taken_where_the_processor_is_made_for_it(
    monkeypatch: pytest.MonkeyPatch, device: str, family: str, features: set[str], dtype: str
) -> None:
    monkeypatch.setattr(processor, "processor_has", lambda *wanted: set(wanted) <= features)
    given = Placement(torch.device(device), torch.float16 if device == "cuda" else torch.float32, "a device")
    assert devices.suited(given, family).dtype_name == dtype

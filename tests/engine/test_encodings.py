import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.engine.conftest import RATE
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.encodings import MOST, Encodings
from watcherd.engine.hearing import HearingOnCpu
from watcherd.engine.recognizer import Hints
from watcherd.engine.whisper import WhisperRecognizer


def test_what_was_made_of_a_window_is_there_once_and_for_that_array_alone() -> None:
    encodings, window = Encodings(), np.zeros(RATE, np.float32)
    encoded = torch.ones(1)
    encodings.keep(window, encoded)

    assert encodings.take(window.copy()) is None
    assert encodings.take(window) is encoded
    assert encodings.take(window) is None


def test_only_the_last_ones_are_held() -> None:
    encodings, windows = Encodings(), [np.zeros(1, np.float32) for _ in range(MOST + 1)]
    for window in windows:
        encodings.keep(window, torch.ones(1))

    assert [encodings.take(window) is not None for window in windows] == [False] + [True] * MOST


def test_a_window_that_the_language_was_told_from_is_encoded_once_and_reads_as_any_other(
    speech: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = WhisperRecognizer(resolve("packaged:base", download=False), place("cpu", "float32"), batch_size=None)
    window = speech.copy()
    fresh = recognizer.read([window], [Hints("en")])
    passes: list[torch.Tensor] = []
    hearing = recognizer._hearing
    assert isinstance(hearing, HearingOnCpu)
    encoder = hearing._encoder

    def counted(features: torch.Tensor) -> torch.Tensor:
        passes.append(features)
        return encoder(features)

    monkeypatch.setattr(hearing, "_encoder", counted)

    assert recognizer.detect_language([window]) == "en"
    assert recognizer.read([window], [Hints("en")]) == fresh
    assert len(passes) == 1

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.random_model import TOKENS, make_random
from bench.shape import Read, convert, ctranslate2, watcherd
from tests.engine.conftest import RATE, noise
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.recognizer import Hints
from watcherd.engine.whisper import WhisperRecognizer

WINDOWS = [noise(28, dbfs=-20).astype(np.float32), noise(5, dbfs=-40).astype(np.float32)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_random("tiny", tmp_path_factory.mktemp("random") / "model")


def test_a_random_model_is_believed_and_never_asked_again(model: Path) -> None:
    recognizer = WhisperRecognizer(resolve(str(model), download=False), place("cpu", "float32"), batch_size=None)
    for reading, window in zip(recognizer.read(WINDOWS, [Hints("en")] * 2), WINDOWS, strict=True):
        assert len(reading.text) > TOKENS
        assert reading.compression < 2
        assert reading.avg_logprob > -0.5
        assert reading.no_speech_prob == pytest.approx(0, abs=1e-6)
        assert reading.read_until_s == len(window) / RATE


@pytest.mark.parametrize(("load", "number"), [(watcherd, "int8"), (ctranslate2, "int8")])
def test_every_contender_says_the_same_number_of_tokens(
    model: Path, load: Callable[[Path, str], Read], number: str
) -> None:
    if load is ctranslate2:
        convert(model)
    assert load(model, number)(WINDOWS) == [TOKENS, TOKENS]

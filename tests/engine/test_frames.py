"""CTC models and transducers: what the real classes of transformers read, by the way that every checkpoint goes."""

import queue
import time
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from tests.engine.conftest import RATE, noise
from tests.engine.small_models import save_parakeet, save_wav2vec2
from watcherd.engine import families
from watcherd.engine.checkpoints import resolve
from watcherd.engine.client import EngineClient, EngineEvent, EngineSaid
from watcherd.engine.devices import place
from watcherd.engine.frames import FrameRecognizer
from watcherd.engine.messages import Finished, LoadModel, ModelLoaded, Transcribe
from watcherd.engine.recognizer import Hints, Reading
from watcherd.errors import DeviceUnavailableError, ModelUnavailableError

Window = npt.NDArray[np.float32]


class Saved(NamedTuple):
    """A model as it was saved, and as it is loaded."""

    model: Any
    recognizer: FrameRecognizer


def loaded(folder: Path) -> FrameRecognizer:
    recognizer = families.load(resolve(str(folder), download=False), place("cpu", "auto"), None)
    assert isinstance(recognizer, FrameRecognizer)
    return recognizer


KINDS: dict[str, Callable[[Path], Any]] = {
    "parakeet-ctc": lambda folder: save_parakeet("ctc", folder, seed=4),
    "parakeet-rnnt": lambda folder: save_parakeet("rnnt", folder, seed=4),
    "parakeet-tdt": lambda folder: save_parakeet("tdt", folder, seed=9),
    "wav2vec2 without a mask": lambda folder: save_wav2vec2(folder, masked=False),
    "wav2vec2 with a mask": lambda folder: save_wav2vec2(folder, masked=True),
    "hubert": lambda folder: save_wav2vec2(folder, masked=True, kind="hubert"),
}


@pytest.fixture(scope="module", params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("model")
    return Saved(KINDS[request.param](folder), loaded(folder))


@pytest.fixture(scope="module")
def windows(speech: Window) -> list[Window]:
    return [speech[: 3 * RATE].copy(), speech.copy(), noise(5.3, dbfs=-20).astype(np.float32)]


@pytest.fixture(scope="module")
def readings(saved: Saved, windows: list[Window]) -> list[Reading]:
    return saved.recognizer.read(windows, [Hints("")] * len(windows))


def expected(saved: Saved, window: Window) -> list[int]:
    """The tokens that the model's own decoding gives for a window."""
    model, recognizer = saved
    features = recognizer._extractor(window, sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        if not hasattr(model, "joint"):
            best = model(**features).logits[0].argmax(-1).tolist()
            return [ident for ident, _ in groupby(best) if ident != model.config.pad_token_id]
        sequence = model.generate(**features, max_new_tokens=2000).sequences[0].tolist()
    return [ident for ident in sequence if ident not in {model.config.blank_token_id, model.config.pad_token_id}]


def found(recognizer: FrameRecognizer, windows: Sequence[Window]) -> list[list[int]]:
    with torch.inference_mode():
        batches = [recognizer._features([window]) for window in windows]
        return [[token.ident for token in row.tokens] for row in recognizer.find(batches)]


def test_the_tokens_of_a_batch_are_those_of_the_model_s_own_decoding(saved: Saved, windows: list[Window]) -> None:
    tokens = found(saved.recognizer, windows)
    assert tokens == [expected(saved, window) for window in windows]
    assert len(tokens[1]) > 10


def test_words_follow_each_other_and_spell_their_phrase(readings: list[Reading], windows: list[Window]) -> None:
    assert sum(len(reading.phrases) for reading in readings) >= len(windows)
    for reading, window in zip(readings, windows, strict=True):
        duration_s = len(window) / RATE
        heard = [word for phrase in reading.phrases for word in phrase.words]
        assert all(a.end_s <= b.start_s for a, b in pairwise(heard))
        assert all(0 <= word.start_s <= word.end_s <= duration_s for word in heard)
        assert all(0 < word.probability <= 1 for word in heard)
        assert reading.read_until_s == pytest.approx(duration_s)
        for phrase in reading.phrases:
            assert "".join(word.text for word in phrase.words).strip() == phrase.text
            assert (phrase.start_s, phrase.end_s) == (phrase.words[0].start_s, phrase.words[-1].end_s)


def test_the_text_is_that_of_the_model_s_tokenizer(
    saved: Saved, readings: list[Reading], windows: list[Window]
) -> None:
    tokens = found(saved.recognizer, windows[1:2])[0]
    text = saved.recognizer._tokenizer.decode(tokens, group_tokens=False, skip_special_tokens=True)
    assert readings[1].text.split() == text.split()


def test_a_model_that_does_not_name_its_language_tells_none(saved: Saved, windows: list[Window]) -> None:
    assert saved.recognizer.languages == ()
    assert saved.recognizer.detect_language(windows) is None


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("parakeet-tdt-0.6b-v2", ("en",)),
        ("parakeet-ctc-1.1b", ("en",)),
        ("parakeet-tdt-0.6b-v3", ()),
        ("parakeet-ctc-0.6b-ja", ()),
    ],
)
def test_parakeets_of_english_alone_are_known_by_their_names(
    tmp_path: Path, name: str, languages: tuple[str, ...]
) -> None:
    save_parakeet("ctc", tmp_path / name)
    assert loaded(tmp_path / name).languages == languages


def test_frames_are_counted_without_the_padding_of_a_batch(tmp_path: Path, windows: list[Window]) -> None:
    for kind in ("ctc", "tdt"):
        save_parakeet(kind, tmp_path / kind)
        recognizer = loaded(tmp_path / kind)
        with torch.inference_mode():
            alone = recognizer.find([recognizer._features([window]) for window in windows])
            together = recognizer.find([recognizer._features(windows)])
        for own, filled_up in zip(alone, together, strict=True):
            assert own.frames <= filled_up.frames <= own.frames + 1


def test_a_network_that_was_never_taught_to_write_is_refused(tmp_path: Path) -> None:
    save_wav2vec2(tmp_path, masked=True)
    config = Wav2Vec2Config.from_pretrained(tmp_path)
    Wav2Vec2Model(config).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailableError, match="not taught to write: its weights have no lm_head"):
        loaded(tmp_path)


def test_a_network_that_does_not_compute_in_int8_is_refused_with_what_does(tmp_path: Path) -> None:
    save_parakeet("ctc", tmp_path)
    with pytest.raises(DeviceUnavailableError, match="for Whisper models"):
        families.load(resolve(str(tmp_path), download=False), place("cpu", "int8"), None)


def test_a_recording_goes_through_the_engine_s_process(tmp_path: Path, spoken_file: Path) -> None:
    save_parakeet("tdt", tmp_path, seed=9)
    events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
    client = EngineClient(LoadModel(str(tmp_path), "cpu", "auto", "auto"), events.put)
    client.start()
    try:
        client.send(Transcribe(1, spoken_file, "auto"))
        said: list[object] = []
        until = time.monotonic() + 120
        while not any(isinstance(message, Finished) for message in said):
            event = events.get(timeout=max(0.0, until - time.monotonic()))
            assert isinstance(event, EngineSaid), event
            said.append(event.message)
    finally:
        client.stop()
    assert any(isinstance(message, ModelLoaded) for message in said)
    (finished,) = [message for message in said if isinstance(message, Finished)]
    transcript = finished.transcript
    assert transcript.language is None
    assert transcript.segments
    for segment in transcript.segments:
        assert " ".join(word.text for word in segment.words) == segment.text
        times = [time_ms for word in segment.words for time_ms in (word.start_ms, word.end_ms)]
        assert [segment.start_ms, *times, segment.end_ms] == sorted([segment.start_ms, *times, segment.end_ms])
    assert transcript.segments[-1].end_ms <= transcript.duration_ms

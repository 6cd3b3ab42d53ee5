"""The times of Whisper's words: against transformers' own attention and warping, and against words of known places."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import AutoModelForSpeechSeq2Seq
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter

from tests.conftest import Speaker
from tests.engine.conftest import RATE, Converter, WavWriter, silence
from watcherd.engine.alignment import Alignment
from watcherd.engine.audio import decode
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.hearing import HearingOnCpu
from watcherd.engine.recognizer import Hints
from watcherd.engine.segments import segments
from watcherd.engine.speech import speech_windows
from watcherd.engine.whisper import WhisperRecognizer
from watcherd.sidecars.cues import Layout, cues
from watcherd.transcript import Transcript

Window = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def recognizers() -> Callable[[str], WhisperRecognizer]:
    @cache
    def load(model_id: str) -> WhisperRecognizer:
        checkpoint = resolve(model_id, download=False)
        recognizer = WhisperRecognizer(checkpoint, place("cpu", "float32"), None, word_times=True)
        recognizer._decoder._heard_dtype = torch.float32  # bfloat16 is compared elsewhere
        return recognizer

    return load


@pytest.fixture(scope="module", params=["packaged:tiny.en", "packaged:base"])
def recognizer(request: pytest.FixtureRequest, recognizers: Callable[[str], WhisperRecognizer]) -> WhisperRecognizer:
    return recognizers(request.param)


@pytest.fixture(scope="module")
def windows(speech: Window) -> list[Window]:
    return [speech.copy(), speech[: 3 * RATE].copy(), silence(2).astype(np.float32)]


def theirs(recognizer: WhisperRecognizer, model_id: str, window: Window, text: list[int]) -> list[int]:
    """The first frame of each token, by transformers' model and its functions."""
    model: Any = AutoModelForSpeechSeq2Seq.from_pretrained(
        resolve(model_id, download=False).folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    generation = model.generation_config
    prompt = [*recognizer._prompt("en"), generation.no_timestamps_token_id]
    assert isinstance(recognizer._hearing, HearingOnCpu)
    with torch.inference_mode():
        attentions = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=recognizer._hearing.encode(window)),
            decoder_input_ids=torch.tensor([[*prompt, *text]]),
            output_attentions=True,
        ).cross_attentions
    heads = torch.stack([attentions[layer][0, head] for layer, head in generation.alignment_heads])
    heads = heads[:, len(prompt) - 1 :, : len(window) // 320]
    deviation, mean = torch.std_mean(heads, dim=-2, keepdim=True, unbiased=False)
    matrix = _median_filter(((heads - mean) / deviation)[None], 7)[0].mean(0)
    tokens, frames = _dynamic_time_warping(-matrix.double().numpy())
    return [int(frames[tokens == token][0]) for token in range(len(text))]


@pytest.mark.parametrize("model_id", ["packaged:tiny.en", "packaged:base"])
def test_tokens_begin_where_transformers_attention_says(
    recognizers: Callable[[str], WhisperRecognizer], model_id: str, windows: list[Window]
) -> None:
    recognizer = recognizers(model_id)
    prompts = [recognizer._prompt("en")] * len(windows)
    assert recognizer._align is not None
    with torch.inference_mode():
        heard = recognizer._hearing(windows, room=len(windows))
        decoded = recognizer._decode([(keys.clone(), values.clone()) for keys, values in heard], prompts, 100)
        texts = [[token for token in row.tokens if token < recognizer._end_of_text] for row in decoded]
        found = recognizer._align(heard, prompts, texts, [len(window) // 320 for window in windows])
    for window, text, spans in zip(windows[:2], texts[:2], found[:2], strict=True):
        expected = theirs(recognizer, model_id, window, text)
        starts = [start for start, _ in spans]
        assert len(starts) > 5
        assert np.abs(np.subtract(starts, expected)).max() <= 1


def test_words_spell_the_text_that_is_read_without_them(
    recognizer: WhisperRecognizer, windows: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_words = recognizer.read(windows, [Hints("en")] * len(windows))
    monkeypatch.setattr(recognizer, "_align", None)
    without = recognizer.read(windows, [Hints("en")] * len(windows))
    assert [reading.text for reading in with_words] == [reading.text for reading in without]
    for reading, window in zip(with_words, windows, strict=True):
        for phrase in reading.phrases:
            assert "".join(word.text for word in phrase.words).strip() == phrase.text
        words = [word for phrase in reading.phrases for word in phrase.words]
        assert all(a.end_s <= b.start_s for a, b in pairwise(words))
        assert all(0 <= word.start_s <= word.end_s <= len(window) / RATE for word in words)
        assert all(0 < word.probability <= 1 for word in words)
    assert len(with_words[0].phrases[0].words) > 10


def test_a_window_alone_has_the_same_words(recognizer: WhisperRecognizer, windows: list[Window]) -> None:
    together = recognizer.read(windows, [Hints("en")] * len(windows))
    (alone,) = recognizer.read(windows[1:2], [Hints("en")])
    times = [(word.text, word.start_s, word.end_s) for phrase in alone.phrases for word in phrase.words]
    assert times == [(word.text, word.start_s, word.end_s) for phrase in together[1].phrases for word in phrase.words]


def test_a_model_that_names_no_heads_that_it_has_is_asked_by_its_second_half(recognizer: WhisperRecognizer) -> None:
    decoder, layers = recognizer._decoder, recognizer._decoder.layers
    alignment = Alignment(decoder, SimpleNamespace(alignment_heads=[[layers, 0], [0, decoder.heads]]), 0)
    assert sorted(alignment._heads) == list(range(layers // 2, layers))
    assert all(heads == list(range(decoder.heads)) for heads in alignment._heads.values())


def test_words_of_a_recording_lie_where_they_were_put(
    recognizers: Callable[[str], WhisperRecognizer],
    speak: Speaker,
    convert: Converter,
    write_wav: WavWriter,
    tmp_path: Path,
) -> None:
    said = "seven passengers carried heavy suitcases through crowded stations while children watched yellow elephants"
    parts, places = [silence(1.5)], []
    for number, word in enumerate(said.split()):
        samples = _samples(convert(speak(word), tmp_path / f"{number}.wav", "-ar", str(RATE)))
        loud = np.flatnonzero(np.abs(samples) > 0.02)
        samples = samples[loud[0] : loud[-1] + 1]
        start = sum(map(len, parts))
        places.append((start * 1000 / RATE, (start + len(samples)) * 1000 / RATE))
        parts += [samples, silence(2.6 if number == 6 else 0.3)]
    file = write_wav(tmp_path / "words.wav", np.concatenate(parts))

    recognizer = recognizers("packaged:base")
    with decode(file) as audio:
        windows = list(speech_windows(audio))
        duration_ms = audio.decoded_ms
    readings = recognizer.read([window.samples for window in windows], [Hints("en")] * len(windows))
    found = [s for window, reading in zip(windows, readings, strict=True) for s in segments(window, reading)]

    words = {word.text.strip(".,").lower(): word for segment in found for word in segment.words}
    hits = [(words[word], place) for word, place in zip(said.split(), places, strict=True) if word in words]
    assert len(hits) >= 9
    assert np.median([abs(word.start_ms - start) for word, (start, _) in hits]) < 200
    assert np.median([abs(word.end_ms - end) for word, (_, end) in hits]) < 200
    for segment in found:
        times = [time for word in segment.words for time in (word.start_ms, word.end_ms)]
        assert [segment.start_ms, *times, segment.end_ms] == sorted([*times, segment.start_ms, segment.end_ms])

    starts = {word.start_ms for segment in found for word in segment.words}
    assert all(cue.start_ms in starts for cue in cues(Transcript("en", duration_ms, tuple(found)), Layout()))


def _samples(file: Path) -> Window:
    with decode(file) as audio:
        return np.concatenate(list(audio))

"""A minute in which nobody pauses: from voice activity to text, with a real model."""

import subprocess
from pathlib import Path

import jiwer
import numpy as np
import pytest

from tests.conftest import Speaker
from tests.engine.conftest import RATE, WavWriter
from watcherd.engine.messages import LoadModel
from watcherd.engine.samples import Samples
from watcherd.engine.speech import SpeechDetector, speech_windows
from watcherd.oneoff import transcribe
from watcherd.transcript import Transcript

TEXT = (
    "The boat left the harbour at six in the morning with nine people on board. A farmer from the next village sold "
    "them bread and cheese. My sister has lived in a small house by the lake for twenty years. Every winter the road "
    "is closed because of the snow. The library keeps thousands of letters that soldiers wrote to their families. Some "
    "of them have never been opened. When the train stopped, an old woman asked me for the time. I told her that my "
    "watch was broken. Our teacher showed us how to draw a perfect circle with a piece of string. The children laughed "
    "and wanted to try it too. In the garden behind the church there are seven apple trees. Nobody remembers who "
    "planted them. The doctor came late that night and stayed until the fever was gone. Then he drank a cup of coffee "
    "and went home. They painted the kitchen yellow and the door green. It took them three days and a great deal of "
    "patience. The bus was late again, so we walked along the river and talked about the summer. Nobody had seen the "
    "island, but everybody knew a story about it. On Sunday the market was full of people who had come by boat, and "
    "the baker sold everything before noon."
)
ECHO = ((0.05, 0.3), (0.11, 0.25), (0.17, 0.2), (0.23, 0.15))


@pytest.fixture(scope="module")
def talk(speak: Speaker) -> Samples:
    """The text without the pauses between its sentences, in a room whose echo fills those between its words."""
    command = ["ffmpeg", "-v", "error", "-i", str(speak(TEXT)), "-ar", str(RATE), "-f", "f32le", "pipe:1"]
    samples = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)
    detector = SpeechDetector()
    spans = detector.push(samples) + detector.flush()
    voice = np.concatenate([samples[span.start : span.end] for span in spans])
    heard = voice.copy()
    for delay_s, loudness in ECHO:
        delay = round(delay_s * RATE)
        heard[delay:] += loudness * voice[:-delay]
    return np.asarray(heard * (0.8 / np.abs(heard).max()), np.float32)


def plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalpha() or character == " ")


def test_what_is_said_where_windows_meet_stands_there_once(talk: Samples, write_wav: WavWriter, tmp_path: Path) -> None:
    load = LoadModel("packaged:tiny.en", "cpu", "float32", "auto", word_times=True)
    path = write_wav(tmp_path / "talk.wav", talk)

    (outcome,) = transcribe([path], load, "en", lambda _: None)

    assert sum(window.shared is not None for window in speech_windows([talk])) >= 2
    transcript = outcome.transcript
    assert isinstance(transcript, Transcript)
    compared = jiwer.process_words(plain(TEXT), plain(transcript.text))
    assert compared.wer < 0.3, "the model mishears this voice now and then"
    assert compared.insertions <= 3, "and not all the words that two windows hear"
    assert compared.deletions <= 10
    times = [time_ms for segment in transcript.segments for time_ms in (segment.start_ms, segment.end_ms)]
    assert times == sorted(times)

"""Loud and quiet, in phase and against it, one voice and two: through the whole engine."""

from pathlib import Path

import jiwer
import numpy as np
import pytest

from tests.conftest import Speaker
from tests.engine.conftest import Converter, Signal, WavWriter
from watcherd.engine.messages import LoadModel
from watcherd.oneoff import transcribe
from watcherd.transcript import Transcript

ANSWER = "Hello. My printer does not work any more."


@pytest.fixture(scope="module")
def transcripts(  # noqa: PLR0917  fixtures
    tmp_path_factory: pytest.TempPathFactory,
    speech: Signal,
    speak: Speaker,
    spoken_file: Path,
    write_wav: WavWriter,
    convert: Converter,
) -> dict[str, Transcript]:
    folder = tmp_path_factory.mktemp("levels")
    convert(spoken_file, folder / "loud.wav", "-ar", "16000")
    rms_dbfs = 10 * np.log10(np.mean(np.square(speech[speech != 0], dtype=np.float64)))
    write_wav(folder / "quiet.wav", speech * 10 ** ((-45 - rms_dbfs) / 20))
    write_wav(folder / "opposite.wav", np.stack([speech, -speech], axis=1))
    write_wav(folder / "both.wav", np.stack([speech, speech], axis=1))
    pause = "apad=pad_dur=1,aresample=16000"
    convert(speak(ANSWER), folder / "answer.wav", "-af", pause)
    convert(
        folder / "loud.wav",
        folder / "call.wav",
        *("-i", str(folder / "answer.wav"), "-filter_complex"),
        "[0]apad=pad_dur=5[l];[1]adelay=13500,apad=pad_dur=2[r];[l][r]join=inputs=2:channel_layout=stereo",
    )
    names = ["loud", "quiet", "opposite", "both", "call"]
    load = LoadModel("packaged:tiny.en", "cpu", "float32", "auto")
    outcomes = transcribe([folder / f"{name}.wav" for name in names], load, "en", lambda _: None, channels="split")
    return {
        name: outcome.transcript
        for name, outcome in zip(names, outcomes, strict=True)
        if outcome.transcript is not None
    }


def words(transcript: Transcript) -> str:
    return "".join(c for c in transcript.text.lower() if c.isalpha() or c == " ")


@pytest.mark.parametrize("name", ["quiet", "opposite", "both"])
def test_a_recording_is_read_alike_however_it_was_recorded(name: str, transcripts: dict[str, Transcript]) -> None:
    # Rounded to a few hundred steps, a quiet recording may differ in a word that even the loud one has wrong.
    assert jiwer.wer(words(transcripts["loud"]), words(transcripts[name])) <= 0.05
    assert {segment.speaker for segment in transcripts[name].segments} == {None}


def test_the_two_sides_of_a_call_are_told_apart(transcripts: dict[str, Transcript]) -> None:
    call = transcripts["call"]
    by_side = {
        side: " ".join(segment.text for segment in call.segments if segment.speaker == side)
        for side in ("left", "right")
    }

    assert "lazy dog" in by_side["left"]
    assert "printer" in by_side["right"]
    assert "printer" not in by_side["left"]
    assert [segment.speaker for segment in call.segments] == sorted(str(s.speaker) for s in call.segments)

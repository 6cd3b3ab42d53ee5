from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.conftest import RATE, Converter, Signal, WavWriter, noise, silence
from watcherd.engine.audio import decode
from watcherd.engine.sides import Sides
from watcherd.engine.speech import side_windows

Sound = npt.NDArray[np.float64]


def parted(left: Signal, right: Signal) -> tuple[Signal, Signal, bool]:
    sides = Sides()
    pcm = np.asarray(np.rint(np.stack([left, right], axis=1) * 32767), np.int16)
    own = sides.push(pcm)
    return own[0], own[1], sides.apart


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.7])
def test_one_voice_on_both_channels_is_given_to_one_side(factor: float) -> None:
    voice = noise(4, -20)

    left, right, apart = parted(voice, factor * voice)

    assert not apart
    assert left.any()
    assert not right.any()


def test_two_voices_stay_as_they_are() -> None:
    left, right, apart = parted(noise(4, -20, seed=1), noise(4, -26, seed=2))

    assert apart
    assert left.any()
    assert right.any()


def test_a_voice_that_the_other_side_overhears_is_taken_from_there() -> None:
    mine, yours = noise(4, -20, seed=1), noise(4, -20, seed=2)

    left, right, apart = parted(
        np.concatenate([mine, silence(2), 0.1 * yours]), np.concatenate([0.1 * mine, noise(2, -60), yours])
    )

    assert not right[: 4 * RATE].any()
    assert not left[6 * RATE :].any()
    assert left[: 4 * RATE].any()
    assert right[6 * RATE :].any()
    assert apart


def test_a_voice_that_is_louder_on_one_channel_throughout_is_one_voice() -> None:
    voice = noise(4, -20)

    assert not parted(voice, 0.3 * voice)[2]


def test_a_voice_on_one_channel_alone_is_that_sides() -> None:
    left, right, apart = parted(silence(4), noise(4, -20))

    assert apart
    assert not left.any()
    assert right.any()


def test_the_windows_of_a_call_hold_one_side_each(tmp_path: Path, speech: Signal, write_wav: WavWriter) -> None:
    quiet = np.zeros_like(speech)
    call = np.stack([np.concatenate([speech, quiet]), np.concatenate([quiet, speech])], axis=1)
    with decode(write_wav(tmp_path / "call.wav", call)) as audio:
        assert audio.is_stereo
        windows = list(side_windows(audio.sides()))
        assert audio.apart

    assert sorted(window.speaker or "" for window in windows) == ["left", "right"]
    half_ms = len(speech) * 1000 // RATE
    for window in windows:
        middle_ms = (window.start_ms + window.end_ms) / 2
        assert (middle_ms < half_ms) == (window.speaker == "left")


@pytest.mark.parametrize(("layout", "options"), [("mono", ()), ("5.1", ("-ac", "6"))])
def test_what_has_no_two_sides_is_mixed(
    layout: str, options: Sequence[str], tmp_path: Path, spoken_file: Path, convert: Converter
) -> None:
    with decode(convert(spoken_file, tmp_path / f"{layout}.flac", *options)) as audio:
        assert not audio.is_stereo
        assert sum(map(len, audio)) > 10 * RATE

from itertools import accumulate, pairwise

import numpy as np
import pytest

from tests.engine.conftest import RATE, Signal
from watcherd.engine.piece_levels import LEVEL, MAX_GAIN, evened
from watcherd.engine.samples import Span
from watcherd.engine.speech import speech_windows
from watcherd.engine.windows import Window


def window(*signals: Signal) -> Window:
    """A window of these pieces, a minute apart in the recording."""
    starts = [index * 60 * RATE for index in range(len(signals))]
    pieces = tuple(Span(start, start + len(signal)) for start, signal in zip(starts, signals, strict=True))
    return Window(0, pieces, pieces, np.concatenate(signals).astype(np.float32))


def pieces(heard: Window) -> list[Signal]:
    ends = accumulate((piece.length for piece in heard.pieces), initial=0)
    return [heard.samples[start:end] for start, end in pairwise(ends)]


def loud(signal: Signal) -> float:
    return float(np.quantile(np.abs(signal), 0.99))


def test_a_far_voice_comes_as_loud_as_a_near_one(speech: Signal) -> None:
    near, far = speech[: 5 * RATE], speech[5 * RATE : 9 * RATE] * 0.15

    levels = [loud(piece) for piece in pieces(evened(window(near, far, near)))]

    assert levels == pytest.approx([LEVEL] * 3, rel=0.01)


def test_only_the_gain_of_a_piece_changes(speech: Signal) -> None:
    before = window(speech[: 5 * RATE] * 0.3, speech[5 * RATE : 9 * RATE] * 0.1)

    after = evened(before)

    assert (after.pieces, after.speech, after.index) == (before.pieces, before.speech, before.index)
    for old, new in zip(pieces(before), pieces(after), strict=True):
        gain = loud(new) / loud(old)
        within = np.abs(old) * gain < 1
        assert new[within] == pytest.approx(old[within] * gain, rel=0.01, abs=1e-4)
        assert (np.abs(new[~within]) == 1).all()


def test_a_knock_leaves_the_voice_as_loud_as_without(speech: Signal) -> None:
    voice = speech[: 5 * RATE] * 0.2
    knocked = voice.copy()
    knocked[RATE : RATE + RATE // 100] = 1.0

    plain, other = evened(window(voice)).samples, evened(window(knocked)).samples

    assert loud(other[2 * RATE :]) == pytest.approx(loud(plain[2 * RATE :]), rel=0.1)


def test_what_is_next_to_silent_is_not_made_a_voice() -> None:
    hiss = np.random.default_rng(1).normal(0, 1e-4, 3 * RATE)

    after = evened(window(hiss, np.zeros(RATE)))

    assert after.samples[: 3 * RATE] == pytest.approx(hiss * MAX_GAIN, abs=1e-6)
    assert not after.samples[3 * RATE :].any()


def test_a_window_of_one_sample_has_a_level() -> None:
    assert evened(window(np.array([0.1]))).samples == pytest.approx([LEVEL])


def test_windows_of_a_recording_are_level(speech: Signal) -> None:
    near, far = speech[: 6 * RATE], speech[: 6 * RATE] * 0.1
    pause = np.zeros(3 * RATE)

    (heard,) = speech_windows([np.concatenate([pause, near, pause, far, pause]).astype(np.float32)])

    assert len(heard.pieces) >= 2
    assert [loud(piece) for piece in pieces(heard)] == pytest.approx([LEVEL] * len(heard.pieces), rel=0.01)

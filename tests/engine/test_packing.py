from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from watcherd.engine.packing import MAX_WINDOW, OVERLAP, Packer
from watcherd.engine.samples import SAMPLES_PER_S, Span
from watcherd.engine.windows import Window

SECOND = SAMPLES_PER_S
LONGEST = 28 * SECOND + 9 * SECOND // 10
"""A stretch that fits a window with its pads."""

LONGEST_HELD = 2 * LONGEST + 2 * SECOND
"""A stretch that has ended, a pause that may yet turn out short, and one that goes on."""


def ramp(length: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Samples that tell their place; float32 counts up to 16 million."""
    return np.arange(length, dtype=np.float32)


def pack(speech: Sequence[Span], length: int, block: int = 8 * SECOND) -> list[Window]:
    """Hand everything over as a detector does: a stretch once it has ended, and how far it is known."""
    packer = Packer()
    windows: list[Window] = []
    told = 0
    audio = ramp(length)
    for position in range(0, length, block):
        reached = min(position + block, length)
        ended = [span for span in speech[told:] if span.end + SECOND // 10 <= reached]
        told += len(ended)
        known_until = min([reached, *(span.start for span in speech[told : told + 1])])
        windows += packer.push(audio[position:reached], ended, known_until)
        held = packer._audio.end - packer._audio._start
        assert held <= LONGEST_HELD + block, "audio that nobody needs is dropped"
    return windows + packer.flush(speech[told:])


def seconds(*pairs: tuple[float, float]) -> list[Span]:
    return [Span(round(start * SECOND), round(end * SECOND)) for start, end in pairs]


def pieces(window: Window) -> list[tuple[float, float]]:
    return [(piece.start / SECOND, piece.end / SECOND) for piece in window.pieces]


def test_without_speech_there_is_no_window() -> None:
    assert pack([], 100 * SECOND) == []


def test_speech_keeps_three_tenths_of_a_second_at_either_side() -> None:
    (window,) = pack(seconds((5, 7)), 20 * SECOND)

    assert pieces(window) == [(4.7, 7.3)]


def test_a_window_does_not_reach_beyond_the_recording() -> None:
    (window,) = pack(seconds((0.25, 7)), round(7.25 * SECOND))

    assert pieces(window) == [(0.0, 7.25)]


def test_a_pause_of_six_tenths_of_a_second_is_kept_and_a_longer_one_is_cut_to_that() -> None:
    (window,) = pack(seconds((5, 7), (7.6, 9), (10, 12)), 20 * SECOND)

    assert pieces(window) == [(4.7, 9.3), (9.7, 12.3)]


def test_sentences_far_apart_share_a_window() -> None:
    (window,) = pack(seconds((5, 7), (300, 303)), 400 * SECOND)

    assert pieces(window) == [(4.7, 7.3), (299.7, 303.3)]


def test_a_full_window_ends_at_the_longest_pause_near_its_end() -> None:
    speech = seconds((1, 20), (20.5, 27.7), (28.1, 29.4), (29.6, 34))

    first, second = pack(speech, 40 * SECOND)

    assert pieces(first) == [(0.7, 27.9)]  # the longest pause of all, after 20 s, would leave too much of it empty
    assert pieces(second) == [(27.9, 34.3)]


def test_of_equal_pauses_the_last_is_taken() -> None:
    speech = seconds((1, 6), (6.5, 16), (16.5, 20), (20.5, 24), (24.5, 29), (29.5, 34))

    assert pack(speech, 40 * SECOND)[0].end_ms == 29_250


def test_where_nobody_pauses_the_next_window_begins_with_the_end_of_the_one_before() -> None:
    windows = pack(seconds((1, 27), (27, 50), (50, 70)), 80 * SECOND)

    assert [pieces(window) for window in windows] == [[(0.7, 27.0)], [(24.0, 50.0)], [(47.0, 70.3)]]
    assert [window.shared for window in windows] == [*seconds((24, 27), (47, 50)), None]
    assert list(windows[1].speech) == seconds((24, 27), (27, 50))


def test_what_is_shared_holds_no_pause_that_was_cut_out() -> None:
    windows = pack(seconds((1, 10), (12, 28), (28.5, 31), (31, 53)), 80 * SECOND)

    assert [pieces(window) for window in windows] == [[(0.7, 10.3), (11.7, 28.25)], [(28.25, 53.3)]]

    windows = pack(seconds((1, 2), (12, 14), (14, 39.5)), 80 * SECOND)

    assert [pieces(window) for window in windows] == [[(0.7, 2.3), (11.7, 14.0)], [(11.7, 39.8)]]


def test_a_pause_of_a_tenth_of_a_second_is_none_to_read_again_for() -> None:
    windows = pack(seconds((1, 15), (15.1, 35)), 80 * SECOND)

    assert [pieces(window) for window in windows] == [[(0.7, 15.05)], [(15.05, 35.3)]]


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Up to five minutes: stretches of 32 ms to 28.9 s, parted by pauses of any length or, after a cut, by none."""
    speech: list[Span] = []
    position = draw(st.integers(0, 3 * SECOND))
    longest = LONGEST
    for length, pause in draw(
        st.lists(
            st.tuples(
                st.integers(512, 5 * SECOND) | st.integers(20 * SECOND, LONGEST),
                st.just(0) | st.integers(1600, 2 * SECOND) | st.integers(SECOND, 60 * SECOND),
            ),
            max_size=20,
        )
    ):
        if position + length > 300 * SECOND:
            break
        speech.append(Span(position, position + min(length, longest)))
        position = speech[-1].end + pause
        longest = LONGEST if pause else LONGEST - OVERLAP
    end = speech[-1].end if speech else 0
    return speech, end + draw(st.integers(0, 5 * SECOND))


@settings(max_examples=60, deadline=None)
@given(recording=recordings(), block=st.integers(SECOND // 2, 30 * SECOND))
def test_windows_hold_every_stretch_and_share_nothing_but_what_they_say(
    recording: tuple[list[Span], int], block: int
) -> None:
    speech, length = recording

    windows = pack(speech, length, block)

    assert [span for part in map(without_shared, windows, [None, *windows]) for span in part] == speech
    for window, following in pairwise(windows):
        assert window.pieces[-1].end <= following.pieces[0].start or window.shared == Span(
            following.pieces[0].start, window.pieces[-1].end
        )
        assert window.shared is None or 0 < window.shared.length <= OVERLAP
        assert (window.shared is not None) == any(
            span.start == window.pieces[-1].end == window.speech[-1].end for span in speech
        )
    assert all(0 <= piece.start < piece.end <= length for window in windows for piece in window.pieces)
    for window in windows:
        assert len(window.samples) <= MAX_WINDOW
        assert all(before.end < after.start for before, after in pairwise(window.pieces))
        expected = [np.arange(piece.start, piece.end, dtype=np.float32) for piece in window.pieces]
        assert np.array_equal(window.samples, np.concatenate(expected))
        assert all(any(span.common(piece) == span for piece in window.pieces) for span in window.speech)
    whole = pack(speech, length, max(1, length))
    assert [(window.pieces, window.shared) for window in whole] == [
        (window.pieces, window.shared) for window in windows
    ]


def without_shared(window: Window, before: Window | None) -> tuple[Span, ...]:
    """The speech that the window before does not hold."""
    if before is None or before.shared is None:
        return window.speech
    return tuple(span for span in window.speech if span.start >= before.pieces[-1].end)

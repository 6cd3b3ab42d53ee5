from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcherd.engine.samples import SAMPLES_PER_S, Span
from watcherd.engine.windows import Window


def spans(*seconds: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(Span(round(start * SAMPLES_PER_S), round(end * SAMPLES_PER_S)) for start, end in seconds)


def window(pieces: tuple[Span, ...], speech: tuple[Span, ...]) -> Window:
    samples = np.concatenate([np.arange(piece.start, piece.end, dtype=np.float32) for piece in pieces])
    return Window(7, pieces, speech, samples)


@pytest.fixture
def three_pieces() -> Window:
    """Window times 0-4, 4-7 and 7-13 s."""
    return window(
        spans((10, 14), (15.2, 18.2), (60, 66)),
        spans((10.5, 13.5), (15.7, 17.7), (60.5, 62), (62.8, 65.5)),
    )


def test_its_figures(three_pieces: Window) -> None:
    assert three_pieces.duration_s == 13
    assert (three_pieces.start_ms, three_pieces.end_ms) == (10_000, 66_000)
    assert three_pieces.speech_s == pytest.approx(9.2)
    assert three_pieces.speech_within_s(0, 1) == pytest.approx(0.5)
    assert three_pieces.speech_within_s(3.5, 4.5) == 0
    assert three_pieces.speech_within_s(3, 8) == pytest.approx(0.5 + 2.0 + 0.5)


@pytest.mark.parametrize(
    ("time_s", "source_ms"),
    [(-1, 10_000), (0, 10_000), (3.999, 13_999), (4, 15_200), (6.5, 17_700), (7, 60_000), (13, 66_000), (99, 66_000)],
)
def test_times_are_mapped_piece_by_piece(time_s: float, source_ms: int, three_pieces: Window) -> None:
    assert three_pieces.to_source_ms(time_s) == source_ms


@pytest.mark.parametrize(
    ("phrase_s", "source_ms"),
    [
        ((0.0, 4.0), (10_500, 13_500)),  # without the silence around it
        ((0.6, 3.4), (10_500, 13_500)),  # edges missed by a little
        ((1.0, 3.0), (11_000, 13_000)),  # in the middle of speech: as the model says
        ((0.5, 6.5), (10_500, 17_700)),  # across a pause that was shortened
        ((5.0, 9.5), (60_500, 62_000)),  # across 42 s: to the side where more of it lies
        ((4.5, 7.6), (15_700, 17_700)),
        ((9.1, 9.6), (62_100, 62_600)),  # nobody speaks there
        ((3.0, 3.0), (13_000, 13_000)),
        ((12.0, 40.0), (65_000, 65_500)),
    ],
)
def test_a_phrase_is_placed_on_its_speech(
    phrase_s: tuple[float, float], source_ms: tuple[int, int], three_pieces: Window
) -> None:
    assert three_pieces.clip(*phrase_s) == source_ms


@pytest.mark.parametrize("meeting_s", [8.85, 9.0, 9.1, 9.4, 9.75, 9.95])
def test_phrases_that_meet_near_a_pause_do_not_overlap(meeting_s: float, three_pieces: Window) -> None:
    _, end_ms = three_pieces.clip(7.0, meeting_s)
    start_ms, _ = three_pieces.clip(meeting_s, 13.0)

    assert end_ms <= start_ms


@given(st.lists(st.floats(0, 13), min_size=2, max_size=2).map(sorted))
def test_a_phrase_is_always_within_the_window(phrase_s: list[float]) -> None:
    pieces = spans((10, 14), (15.2, 18.2), (60, 66))
    start_ms, end_ms = window(pieces, spans((10.5, 13.5), (15.7, 17.7), (60.5, 65.5))).clip(*phrase_s)

    assert 10_000 <= start_ms <= end_ms <= 66_000


def test_the_tail_holds_the_rest(three_pieces: Window) -> None:
    tail = three_pieces.tail(5.0)

    assert tail is not None
    assert tail.index == 7
    assert tail.pieces == spans((16.2, 18.2), (60, 66))
    assert tail.speech == spans((16.2, 17.7), (60.5, 62), (62.8, 65.5))
    assert tail.to_source_ms(0) == 16_200
    assert np.array_equal(tail.samples, three_pieces.samples[5 * SAMPLES_PER_S :])


def test_after_the_end_there_is_no_tail(three_pieces: Window) -> None:
    assert three_pieces.tail(13.0) is None
    assert three_pieces.tail(14.0) is None


def test_halves_meet_at_the_longest_pause_near_the_middle(three_pieces: Window) -> None:
    left, right = three_pieces.halves()

    assert left.pieces == spans((10, 14), (15.2, 18.2))
    assert right.pieces == spans((60, 66))
    assert left.speech + right.speech == three_pieces.speech


def test_speech_without_a_pause_is_halved_in_the_middle() -> None:
    left, right = window(spans((0, 20)), spans((0.5, 19.5))).halves()

    assert (left.pieces, right.pieces) == (spans((0, 10)), spans((10, 20)))
    assert (left.speech, right.speech) == (spans((0.5, 10)), spans((10, 19.5)))


def test_halves_hold_everything_once(three_pieces: Window) -> None:
    parts = [part for half in three_pieces.halves() for part in half.halves()]

    assert np.array_equal(np.concatenate([part.samples for part in parts]), three_pieces.samples)
    assert sum(part.speech_s for part in parts) == pytest.approx(three_pieces.speech_s)
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(parts))

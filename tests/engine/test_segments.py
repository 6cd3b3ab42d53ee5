import numpy as np

from watcherd.engine.recognizer import HeardWord, Phrase, Reading
from watcherd.engine.samples import SAMPLES_PER_S, Span
from watcherd.engine.segments import segments
from watcherd.engine.windows import Window
from watcherd.transcript import Segment, Word


def seconds(*spans: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(Span(round(start * SAMPLES_PER_S), round(end * SAMPLES_PER_S)) for start, end in spans)


def window(pieces: tuple[Span, ...], speech: tuple[Span, ...]) -> Window:
    return Window(0, pieces, speech, np.zeros(sum(piece.length for piece in pieces), np.float32))


def reading(*phrases: Phrase) -> Reading:
    return Reading(phrases, 6.0, -0.25)


def heard(*words: tuple[float, float, str]) -> Phrase:
    text = "".join(text for _, _, text in words).strip()
    return Phrase(words[0][0], words[-1][1], text, tuple(HeardWord(*word, 0.5) for word in words))


TWO_SIDES = window(seconds((10, 13), (20, 23)), seconds((10.5, 12.5), (20.5, 22.5)))


def test_a_phrase_without_words_lies_where_its_speech_is() -> None:
    assert list(segments(TWO_SIDES, reading(Phrase(0.4, 2.6, "Hello.")))) == [
        Segment(10_500, 12_500, "Hello.", avg_logprob=-0.25)
    ]


def test_words_lie_where_they_are_said_and_the_segment_around_them() -> None:
    (segment,) = segments(TWO_SIDES, reading(heard((0.3, 1.0, " Hello"), (1.0, 2.9, " there."))))
    assert segment == Segment(
        10_500, 12_500, "Hello there.", (Word(10_500, 11_000, "Hello", 0.5), Word(11_000, 12_500, "there.", 0.5)), -0.25
    )


def test_a_phrase_over_a_long_pause_becomes_two_segments() -> None:
    found = list(segments(TWO_SIDES, reading(heard((0.5, 1.5, " Hello"), (1.5, 2.5, " there"), (3.5, 4.5, " you.")))))
    assert [(segment.start_ms, segment.end_ms, segment.text) for segment in found] == [
        (10_500, 12_500, "Hello there"),
        (20_500, 21_500, "you."),
    ]
    assert [word.text for segment in found for word in segment.words] == ["Hello", "there", "you."]


def test_a_word_over_a_cut_lies_on_the_side_where_more_of_it_is() -> None:
    (segment,) = segments(TWO_SIDES, reading(heard((2.9, 4.0, " Well."))))
    assert (segment.start_ms, segment.end_ms) == (20_500, 21_000)


def test_a_word_does_not_begin_with_the_end_of_the_one_before() -> None:
    pauses = window(seconds((0, 3)), seconds((0.2, 1.0), (1.6, 2.6)))
    (segment,) = segments(pauses, reading(heard((0.2, 0.9, " One"), (0.9, 2.0, " two."))))
    assert [(word.start_ms, word.end_ms) for word in segment.words] == [(200, 900), (1_600, 2_000)]

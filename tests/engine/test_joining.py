"""Two readings of the same seconds become one."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watcherd.engine.joining import Readings, join
from watcherd.engine.samples import Span
from watcherd.engine.windows import Window
from watcherd.transcript import Segment, Word


def text(segments: list[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def both(earlier: list[Segment], later: list[Segment], start_ms: int = 20_000, end_ms: int = 23_000) -> str:
    before, behind = join(earlier, later, start_ms, end_ms)
    return f"{text(before)} | {text(behind)}"


def test_what_both_have_read_stands_once() -> None:
    earlier = [Segment(15_000, 20_000, "It was late."), Segment(20_000, 23_000, "The old man went down to the ri")]
    later = [Segment(20_400, 26_000, "old man went down to the river, and he sat there.")]

    assert both(earlier, later) == "It was late. The old man went | down to the river, and he sat there."


def test_the_marks_at_the_seam_are_those_of_the_window_that_hears_more_around_it() -> None:
    earlier = [Segment(18_000, 23_000, "He came, he saw, he.")]
    later = [Segment(20_000, 25_000, "He saw; he conquered it.")]

    assert both(earlier, later) == "He came, he saw, | he conquered it."


def test_words_of_their_own_time_are_divided_with_their_text() -> None:
    earlier = [
        Segment(
            19_000,
            23_000,
            "one two, three fo",
            tuple(
                Word(start_ms, start_ms + 900, written)
                for start_ms, written in ((19_000, "one"), (20_000, "two,"), (21_000, "three"), (22_000, "fo"))
            ),
        )
    ]
    later = [
        Segment(
            20_900,
            24_000,
            "Three four five.",
            (Word(20_900, 21_800, "Three"), Word(22_000, 22_900, "four"), Word(23_000, 24_000, "five.")),
        )
    ]

    before, behind = join(earlier, later, 20_000, 23_000)

    assert before == [Segment(19_000, 21_900, "one two, three", earlier[0].words[:3])]
    assert behind == [Segment(22_000, 24_000, "four five.", later[0].words[1:])]


def test_without_a_common_word_the_middle_divides_them() -> None:
    earlier = [Segment(20_000, 23_000, "alpha beta gamma delta epsilon zeta")]
    later = [Segment(20_000, 26_000, "eins zwei drei vier fünf sechs sieben acht neun zehn")]

    assert both(earlier, later) == "alpha beta gamma | vier fünf sechs sieben acht neun zehn"


def test_equal_words_that_are_said_apart_are_not_the_same() -> None:
    earlier = [Segment(17_000, 21_500, "the first thing of all was the")]
    later = [Segment(22_900, 26_000, "the second thing")]

    assert both(earlier, later) == "the first thing of all was the | the second thing"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ([Segment(2_000, 18_000, "Long ago.")], [Segment(20_000, 23_000, "And now.")]),
        ([Segment(20_000, 23_000, "And now.")], [Segment(27_000, 29_000, "Much later.")]),
        ([], [Segment(20_000, 23_000, "And now.")]),
        ([Segment(20_000, 23_000, "And now.")], []),
    ],
    ids=["the first is silent there", "the second is silent there", "the first is silent", "the second is silent"],
)
def test_what_one_window_alone_has_read_is_kept(earlier: list[Segment], later: list[Segment]) -> None:
    assert join(earlier, later, 20_000, 23_000) == (earlier, later)


def test_where_the_first_stops_early_nothing_of_the_second_is_lost() -> None:
    earlier = [Segment(15_000, 20_500, "Nobody knew where he")]
    later = [Segment(20_600, 27_000, "Came from, or what it was that had brought them here.")]

    assert both(earlier, later) == f"{text(earlier)} | {text(later)}"


def test_scripts_without_blanks_are_joined_by_characters() -> None:
    earlier = [Segment(18_000, 23_000, "昨日、私は「東京に行きました」と言")]
    later = [Segment(20_000, 26_000, "東京に行きました」と言って、帰りました。")]

    before, behind = join(earlier, later, 20_000, 23_000)

    assert text(before) + text(behind) == "昨日、私は「東京に行きました」と言って、帰りました。"


def test_words_of_several_characters_are_divided_too() -> None:
    words = (Word(18_000, 19_500, "今日は"), Word(19_500, 21_000, "東京に"), Word(21_000, 23_000, "行きま"))
    earlier = [Segment(18_000, 23_000, "今日は東京に行きま", words)]
    later = [
        Segment(
            20_000, 25_000, "京に行きました。", (Word(20_000, 20_500, "京"), Word(20_500, 25_000, "に行きました。"))
        )
    ]

    before, behind = join(earlier, later, 20_000, 23_000)

    assert text(before) + text(behind) == "今日は東京に行きました。"
    for segment in (*before, *behind):
        assert "".join(word.text for word in segment.words) == segment.text


def test_a_word_that_is_split_off_its_marks_takes_them_along() -> None:
    earlier = [Segment(18_000, 23_000, "Est-ce vrai ? Oui ! Je le crois - bien")]
    later = [Segment(20_000, 26_000, "Oui ! Je le crois - bien sûr.")]

    before, behind = join(earlier, later, 20_000, 23_000)

    assert f"{text(before)} {text(behind)}" == "Est-ce vrai ? Oui ! Je le crois - bien sûr."


def window(index: int, start_ms: int, end_ms: int, shared_ms: tuple[int, int] | None = None) -> Window:
    def span(first_ms: int, last_ms: int) -> Span:
        return Span(first_ms * 16, last_ms * 16)

    spans = (span(start_ms, end_ms),)
    return Window(index, spans, spans, np.zeros(1, np.float32), shared=shared_ms and span(*shared_ms))


def test_windows_are_joined_in_whatever_order_they_are_read() -> None:
    first, second, third = window(0, 0, 23_000, (20_000, 23_000)), window(1, 20_000, 40_000), window(2, 50_000, 60_000)
    read = [
        (first, Segment(12_000, 23_000, "so much for the long way home")),
        (first, Segment(0, 12_000, "Now then,")),
        (second, Segment(20_000, 26_000, "long way home and no further.")),
        (third, Segment(50_000, 52_000, "Home and no further.")),
    ]

    texts = set()
    for turn in range(len(read)):
        readings = Readings()
        for where, segment in read[turn:] + read[:turn]:
            readings.add(where, [segment])
        texts.add(text(readings.segments()))

    assert texts == {"Now then, so much for the long way home and no further. Home and no further."}


@pytest.mark.parametrize(
    ("again", "stands"),
    [
        (["Only this. And much more than this."], "Before. Only this. And much more than this. Behind."),
        (["Only this."], "Before. Only this. Behind."),
        (["Only."], "Before. Only this. Behind."),
        ([], "Before. Only this. Behind."),
    ],
    ids=["more", "the same", "less", "nothing"],
)
def test_what_is_read_again_stands_where_it_says_more(again: list[str], stands: str) -> None:
    whole, part = window(0, 0, 28_000), window(0, 10_000, 20_000)
    readings = Readings()
    readings.doubt(part, [Segment(10_000, 20_000, "Only this.")])
    readings.add(whole, [Segment(0, 10_000, "Before."), Segment(20_000, 28_000, "Behind.")])
    readings.add(part, [Segment(10_500, 19_000, said) for said in again])

    assert text(readings.segments()) == stands


def test_of_parts_that_are_read_again_in_parts_the_most_stands() -> None:
    readings = Readings()
    readings.doubt(window(0, 0, 20_000), [Segment(0, 20_000, "All of it in short.")])
    readings.doubt(window(0, 10_000, 20_000), [Segment(10_000, 20_000, "In short.")])
    readings.add(window(0, 0, 10_000), [Segment(0, 10_000, "Nearly all of it")])
    readings.add(window(0, 10_000, 20_000), [Segment(10_000, 12_000, "short.")])

    assert text(readings.segments()) == "Nearly all of it In short."


@dataclass(frozen=True)
class View:
    """What a window makes of the words that are said in it."""

    segments: list[Segment]

    @property
    def heard(self) -> set[str]:
        return {word for segment in self.segments for word in segment.text.split()}


@st.composite
def views(draw: st.DrawFn, errors: float) -> tuple[list[str], View, View]:
    """Words of 400 ms from 1 to 41 s; one window hears them up to 23.8 s, and one from 21 s."""
    random = draw(st.randoms(use_true_random=False))
    words = [f"word{index}" for index in range(100)]

    def heard(first: int, last: int) -> View:
        own = [
            (1_000 + index * 400, "oops" if random.random() < errors else words[index])
            for index in range(first, last)
            if random.random() >= errors / 2
        ]
        timed = draw(st.booleans())
        shift_ms = random.randint(-200, 200)
        segments: list[Segment] = []
        while own:
            count = random.randint(1, 12)
            phrase, own = own[:count], own[count:]
            said = tuple(Word(at + shift_ms, at + shift_ms + 400, each) for at, each in phrase)
            segments.append(
                Segment(said[0].start_ms, said[-1].end_ms, " ".join(word.text for word in said), said if timed else ())
            )
        return View(segments)

    return words, heard(0, 57), heard(50, 100)


@settings(max_examples=60, deadline=None)
@given(views(errors=0))
def test_where_both_hear_the_same_every_word_stands_once(case: tuple[list[str], View, View]) -> None:
    words, earlier, later = case

    before, behind = join(earlier.segments, later.segments, 21_000, 23_800)

    assert text(before + behind).split() == words
    in_order(before + behind)


@settings(max_examples=60, deadline=None)
@given(views(errors=0.3))
def test_where_they_differ_no_word_is_doubled_and_none_that_one_alone_can_hear_is_lost(
    case: tuple[list[str], View, View],
) -> None:
    words, earlier, later = case

    before, behind = join(earlier.segments, later.segments, 21_000, 23_800)

    joined = text(before + behind).split()
    known = [word for word in joined if word != "oops"]
    assert len(known) == len(set(known))
    assert set(words[:46]) & earlier.heard <= set(known)
    assert set(words[61:]) & later.heard <= set(known)
    in_order(before + behind)


segments = st.lists(
    st.builds(
        lambda start_ms, length_ms, written: Segment(start_ms, start_ms + length_ms, written),
        st.integers(0, 30_000),
        st.integers(0, 9_000),
        st.text(st.sampled_from("ab .,「」東京のก็ \u0301é—'\""), min_size=1).map(str.strip).filter(bool),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda segment: (segment.start_ms, segment.end_ms)))


@settings(max_examples=100, deadline=None)
@given(segments, segments)
@example([Segment(10_946, 11_580, "aaaの")], [Segment(10_949, 11_579, "aaaの"), Segment(10_949, 11_579, "a")])
def test_whatever_was_read_is_joined(earlier: list[Segment], later: list[Segment]) -> None:
    before, behind = join(earlier, later, 10_000, 13_000)

    assert text(earlier).startswith(text(before))
    assert text(later).endswith(text(behind))
    assert all(segment.text == segment.text.strip() != "" for segment in before + behind)
    assert all(segment.start_ms <= segment.end_ms for segment in before + behind)
    assert max((segment.end_ms for segment in before), default=0) <= min(
        (segment.start_ms for segment in behind), default=10**9
    )


def in_order(found: list[Segment]) -> None:
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(found))
    for segment in found:
        times = [time_ms for word in segment.words for time_ms in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        if segment.words:
            assert (segment.start_ms, segment.end_ms) == (times[0], times[-1])
            assert " ".join(word.text for word in segment.words) == segment.text

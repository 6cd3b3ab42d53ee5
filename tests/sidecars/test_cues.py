# ruff: noqa: RUF001  some of the marks that these tests are about look like others

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcherd.sidecars.cues import Cue, Layout, cues
from watcherd.sidecars.scripts import width
from watcherd.transcript import Segment, Transcript, Word

LANGUAGES = ["en", "de", "es", "fr", "it", "pt", "nl", "zh", "ja", "th", "ar", "he", "ru", None]
THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

times = st.one_of(st.integers(0, 300), st.integers(0, 3_000), st.integers(0, 40_000))
latin_words = st.from_regex(r"[A-Za-z0-9]{1,12}[.,!?]?", fullmatch=True)
any_words = st.one_of(
    latin_words,
    st.text(min_size=1, max_size=8),
    st.text(st.sampled_from("今天天气很好。，「」っゃ3.カタひらがな"), min_size=1, max_size=60),
    st.text(st.sampled_from("สวัสดีครับเก่า"), min_size=1, max_size=90),
    st.text(st.sampled_from("שלוםاللغة.,"), min_size=1, max_size=12),
    st.text(st.sampled_from("e\u0301\u0302\u200d👩👍🏽🇩🇪\u00a0-"), min_size=1, max_size=120),
    st.integers(40, 200).map("x".__mul__),
)
layouts = st.builds(Layout, st.integers(10, 60), st.integers(1, 4))


@st.composite
def transcripts(draw: st.DrawFn, words: st.SearchStrategy[str] = any_words) -> Transcript:
    """Segments in order, with and without words; overlapping, empty, tiny and huge ones among them."""
    segments, at_ms = [], 0
    for _ in range(draw(st.integers(0, 6))):
        at_ms += draw(times)
        texts = draw(st.lists(words, min_size=1, max_size=draw(st.sampled_from([3, 30]))))
        timed, now_ms = [], at_ms
        for text in texts:
            now_ms += draw(times) if draw(st.booleans()) else 0
            start_ms, now_ms = now_ms, now_ms + draw(times)
            timed.append(Word(start_ms, now_ms, text.strip()))
        if draw(st.booleans()):
            segments.append(Segment(at_ms, now_ms, " ".join(texts), tuple(timed)))
        else:
            segments.append(Segment(at_ms, at_ms + draw(times), " ".join(texts)))
        at_ms = draw(st.sampled_from([at_ms, segments[-1].end_ms]))
    return Transcript(draw(st.sampled_from(LANGUAGES)), at_ms, tuple(segments))


def letters(text: str) -> str:
    """Without white space, controls, and the marks of direction that right-to-left lines get."""
    return "".join(c for c in text if not c.isspace() and not c < " " and not "\x7f" <= c <= "\x9f").translate(
        {0x202B: None, 0x202C: None}
    )


@THOROUGH
@given(transcripts(), layouts)
def test_every_limit_holds_for_every_transcript(transcript: Transcript, layout: Layout) -> None:
    made = cues(transcript, layout)
    for cue in made:
        assert 1 <= len(cue.lines) <= layout.max_lines
        for line in cue.lines:
            assert line == line.strip() != ""
            assert len(line) <= width(line) <= layout.max_line_length
            assert len(line.splitlines()) == 1
        assert 0 <= cue.start_ms < cue.end_ms <= cue.start_ms + 7_000
    for cue, following in pairwise(made):
        assert cue.end_ms + 83 <= following.start_ms
        if cue.end_ms - cue.start_ms < 833:
            assert cue.end_ms + 83 == following.start_ms
    if made:
        assert made[-1].end_ms - made[-1].start_ms >= 833


@THOROUGH
@given(transcripts())
def test_no_letter_is_lost_added_or_moved(transcript: Transcript) -> None:
    shown = "".join("".join(cue.lines) for cue in cues(transcript, Layout()))
    assert letters(shown) == letters(transcript.text)


@st.composite
def timed_speech(draw: st.DrawFn) -> list[Word]:
    """Words that never overlap, each of them told from all others."""
    words, now_ms = [], 0
    for number in range(draw(st.integers(1, 40))):
        start_ms = now_ms + draw(st.sampled_from([0, 0, 0, 40, 400, 999, 1_001, 5_000]))
        now_ms = start_ms + draw(st.integers(150, 900))
        words.append(Word(start_ms, now_ms, f"{number}{draw(latin_words)}"))
    return words


@THOROUGH
@given(timed_speech(), st.integers(1, 5))
def test_a_cue_comes_and_goes_with_its_words(words: list[Word], segment_count: int) -> None:
    size = -(-len(words) // segment_count)
    parts = [words[at : at + size] for at in range(0, len(words), size)]
    segments = tuple(
        Segment(part[0].start_ms, part[-1].end_ms, " ".join(word.text for word in part), tuple(part)) for part in parts
    )
    made = cues(Transcript("en", words[-1].end_ms, segments), Layout())
    rest = iter(words)
    for number, cue in enumerate(made):
        said = [next(rest) for _ in " ".join(cue.lines).split()]
        assert [word.text for word in said] == " ".join(cue.lines).split()
        assert cue.start_ms == said[0].start_ms
        latest_ms = max(said[-1].end_ms + 500, cue.start_ms + 833)
        next_ms = made[number + 1].start_ms if number + 1 < len(made) else cue.start_ms + 10_000
        assert cue.end_ms == min(latest_ms, cue.start_ms + 7_000, next_ms - 83)
        assert all(after.start_ms - before.end_ms <= 1_000 for before, after in pairwise(said))
    assert next(rest, None) is None


def lines(text: str, language: str | None = "en", layout: Layout | None = None) -> list[tuple[str, ...]]:
    """Spoken at an easy 14 characters a second."""
    duration_ms = width(text) * 70
    transcript = Transcript(language, duration_ms, (Segment(0, duration_ms, text),))
    return [cue.lines for cue in cues(transcript, layout or Layout())]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Nice to meet you all.", [("Nice to meet you all.",)]),
        (
            "en",
            "She walked along the river for hours, because nobody had told her that the last ferry was gone.",
            [
                ("She walked along the river for hours,",),
                ("because nobody had told her", "that the last ferry was gone."),
            ],
        ),
        (
            "en",
            "Yesterday in the morning I went to the old market with Mr. Smith and his daughter.",
            [("Yesterday in the morning I went", "to the old market"), ("with Mr. Smith and his daughter.",)],
        ),
        (
            "en",
            "They sold the whole company to a rival for 3.5 million dollars, and 10 000 people lost.",
            [("They sold the whole company", "to a rival for 3.5 million dollars,"), ("and 10 000 people lost.",)],
        ),
        (
            "de",
            "Wir sind am Sonntag mit dem Zug nach Hamburg gefahren und haben dort meine Tante besucht.",
            [("Wir sind am Sonntag mit dem Zug", "nach Hamburg gefahren"), ("und haben dort meine Tante besucht.",)],
        ),
        (
            "fr",
            "Nous avons marché longtemps dans la forêt avant de retrouver le chemin de la maison.",
            [("Nous avons marché longtemps dans la forêt",), ("avant de retrouver le chemin de la maison.",)],
        ),
        ("zh", "今天天气很好，我们一起去公园散步吧。", [("今天天气很好，我们一起去公园散步吧。",)]),
        (
            "zh",
            "昨天下了一整天的雨，所以我们只能待在家里看电视。",
            [("昨天下了一整天的雨，", "所以我们只能待在家里看电视。")],
        ),
        (
            "ja",
            "東京スカイツリーは、東京都墨田区押上にある電波塔です。",
            [("東京スカイツリーは、", "東京都墨田区押上にある電波塔です。")],
        ),
    ],
)
def test_a_line_ends_where_a_reader_would_breathe(language: str, text: str, expected: list[tuple[str, ...]]) -> None:
    assert lines(text, language) == expected


NAMES_AND_NUMBERS = ["Mr. Smith", "New York City", "J. R. Tolkien", "10 000", "3.5 million", "€ 20", "50 %", "No. 7"]


@pytest.mark.parametrize("whole", NAMES_AND_NUMBERS)
@pytest.mark.parametrize("before", range(14))
def test_a_name_or_a_number_stays_whole(whole: str, before: int) -> None:
    text = " ".join(["word"] * before + [whole] + ["other"] * (14 - before))
    assert any(whole in line for cue in lines(text) for line in cue)


def test_a_name_longer_than_a_line_is_parted_between_its_words() -> None:
    name = "Maximilian Alexander Ferdinand Graf Hohenlohe Langenburg Waldenburg"
    assert " ".join(line for cue in lines(name) for line in cue) == name


def test_a_word_longer_than_a_line_is_cut_behind_a_stroke_if_there_is_one() -> None:
    address = "https://example.org/recordings/2026/january/a-long-name-of-a-talk.html"
    assert lines(address) == [("https://example.org/recordings/2026/", "january/a-long-name-of-a-talk.html")]
    assert lines("x" * 50) == [("x" * 42, "x" * 8)]


def test_a_no_break_space_keeps_a_number_whole() -> None:
    text = "the price of all of this together is 10\u00a0000 francs"
    assert any("10\u00a0000" in line for cue in lines(text, None) for line in cue)


@pytest.mark.parametrize("length", range(10, 42))
def test_japanese_lines_begin_and_end_with_what_may_stand_there(length: int) -> None:
    text = "「ちょっと待って」と言った。彼は、ニューヨークへ行きたかったのだが、（やはり）行かなかった！" * 3
    for cue in lines(text, "ja", Layout(length, 2)):
        for line in cue:
            assert line[0] not in "」、。）！っょー"
            assert line[-1] not in "「（"


@pytest.mark.parametrize("length", range(10, 42))
def test_thai_vowels_stay_with_their_consonants(length: int) -> None:
    text = "เมื่อวานนี้ฝนตกทั้งวันเราจึงต้องอยู่แต่ในบ้านและไม่ได้ไปไหนเลยทำให้รู้สึกเบื่อมาก"
    for cue in lines(text, "th", Layout(length, 2)):
        for line in cue:
            assert line[0] not in "ะาำๅๆ\u0e31\u0e34\u0e35\u0e36\u0e37\u0e38\u0e39\u0e47\u0e48\u0e49\u0e4a\u0e4b\u0e4c"
            assert line[-1] not in "เแโใไ"


@pytest.mark.parametrize("cluster", ["👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "e\u0301"])
def test_what_the_eye_takes_for_one_character_stays_whole(cluster: str) -> None:
    for cue in lines(cluster * 40, None):
        for line in cue:
            assert line == cluster * (len(line) // len(cluster))


def test_right_to_left_lines_tell_the_player_so() -> None:
    text = "שלום לכולם, היום נדבר על WhatsApp."
    assert lines(text, "he") == [(f"\u202b{text}\u202c",)]
    assert lines("OK.", "he") == [("OK.",)]
    assert lines("He said שלום and left.", "en") == [("He said שלום and left.",)]


def test_lines_are_as_few_as_possible_and_about_equally_long() -> None:
    [(first, second)] = lines("aaaa " * 12 + "aaaa")
    assert abs(len(first) - len(second)) <= 5
    assert lines("aaaa " * 7 + "aaaa") == [("aaaa " * 7 + "aaaa",)]


def test_short_sentences_share_a_cue_unless_there_is_a_pause() -> None:
    together = (Segment(0, 500, "Yes."), Segment(500, 1_200, "I know."))
    assert [cue.lines for cue in cues(Transcript("en", 9_000, together), Layout())] == [("Yes. I know.",)]
    apart = (Segment(0, 500, "Yes."), Segment(1_501, 2_200, "I know."))
    assert cues(Transcript("en", 9_000, apart), Layout()) == [
        Cue(0, 1_000, ("Yes.",)),
        Cue(1_501, 2_700, ("I know.",)),
    ]


def test_speech_that_is_too_fast_to_read_uses_all_the_time_there_is() -> None:
    rapid = Segment(1_000, 2_000, "All of this is said within one single second, as no one can.")
    [cue] = cues(Transcript("en", 60_000, (rapid,)), Layout())
    assert (cue.start_ms, cue.end_ms) == (1_000, 2_500)


def test_a_long_segment_without_words_is_shared_out() -> None:
    text = "This is the first sentence of a long monologue. " * 9
    made = cues(Transcript("en", 28_000, (Segment(0, 28_000, text.strip()),)), Layout())
    assert [cue.lines for cue in made] == [("This is the first sentence", "of a long monologue.")] * 9
    gaps_ms = [after.start_ms - before.start_ms for before, after in pairwise(made)]
    assert max(gaps_ms) - min(gaps_ms) <= 1


def test_a_segment_that_runs_into_the_next_one_is_cut_off_there() -> None:
    segments = (Segment(0, 28_000, "It never ended."), Segment(2_000, 4_000, "Yes, it did."))
    assert cues(Transcript("en", 28_000, segments), Layout()) == [
        Cue(0, 4_500, ("It never ended. Yes, it did.",)),
    ]


def test_times_of_words_that_are_not_those_of_the_text_are_not_used() -> None:
    words = (Word(9_000, 9_500, "Something"), Word(9_500, 9_900, "else"))
    assert cues(Transcript("en", 10_000, (Segment(0, 1_500, "Hello there.", words),)), Layout()) == [
        Cue(0, 2_000, ("Hello there.",))
    ]


@pytest.mark.parametrize(("length", "count"), [(9, 2), (42, 0)])
def test_a_layout_that_can_hold_nothing_is_refused(length: int, count: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        Layout(length, count)

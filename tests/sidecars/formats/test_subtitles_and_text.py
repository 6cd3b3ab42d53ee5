from tests.sidecars.renderings import SILENCE, SPEECH, SPOKEN, rendered
from watcherd.transcript import Segment, Transcript


def text(*segments: tuple[int, int, str], language: str = "en") -> str:
    transcript = Transcript(language, 600_000, tuple(Segment(*segment) for segment in segments))
    content = rendered("txt", transcript)
    assert content is not None
    return content.decode()


def test_subtitles_are_written_as_subrip() -> None:
    assert rendered("srt", SPOKEN) == (
        b"1\n"
        b"00:00:00,300 --> 00:00:06,654\n"
        b"And so my fellow Americans,\n"
        b"ask not what your country can do for you,\n"
        b"\n"
        b"2\n"
        b"00:00:06,737 --> 00:00:10,900\n"
        b"ask what you can do for your country.\n"
    )


def test_times_beyond_99_hours_take_another_digit() -> None:
    ten_days = 240 * 3_600_000
    content = rendered("srt", Transcript("en", ten_days, (Segment(ten_days - 59_999, ten_days, "Still here."),)))
    assert content == b"1\n239:59:00,001 --> 239:59:03,751\nStill here.\n"


def test_a_spoken_arrow_is_not_taken_for_a_time() -> None:
    content = rendered("srt", Transcript("en", 4_000, (Segment(0, 4_000, "A --> B"),)))
    assert content is not None
    assert content.decode().splitlines()[2:] == ["A → B"]


def test_without_speech_there_are_no_subtitles_and_an_empty_text() -> None:
    assert rendered("srt", SILENCE) is None
    assert rendered("txt", SILENCE) == b""


def test_text_that_is_no_unicode_still_makes_a_file() -> None:
    assert text((0, 1_000, "half \ud83d.")) == "half ?.\n"


def test_a_paragraph_is_one_line() -> None:
    assert text((0, 5_000, SPEECH), (5_500, 9_000, SPEECH)) == f"{SPEECH} {SPEECH}\n"


def test_a_pause_after_a_sentence_begins_a_paragraph() -> None:
    assert text((0, 1_000, "One."), (3_001, 4_000, "Two."), (5_900, 6_000, "Three.")) == "One.\n\nTwo. Three.\n"


def test_a_pause_inside_a_sentence_begins_one_only_where_it_is_long() -> None:
    assert text((0, 1_000, "Well, I"), (4_000, 5_000, "think so.")) == "Well, I think so.\n"
    assert text((0, 1_000, "Well, I"), (6_001, 7_000, "think so.")) == "Well, I\n\nthink so.\n"


def test_a_title_ends_no_sentence() -> None:
    assert text((0, 1_000, "Ask Dr."), (4_000, 5_000, "Jones.")) == "Ask Dr. Jones.\n"


def test_a_long_paragraph_ends_with_a_sentence() -> None:
    lines = text(*((at * 1_000, at * 1_000 + 1_000, SPEECH) for at in range(20))).split("\n\n")
    assert [line.count("country.") for line in lines] == [7, 7, 6]


def test_speech_without_sentences_is_parted_all_the_same() -> None:
    lines = text(*((at * 1_000, at * 1_000 + 1_000, "on and on and on and") for at in range(300))).split("\n\n")
    assert len(lines) == 4
    assert max(map(len, lines)) < 2_100


def test_chinese_sentences_are_joined_without_blanks() -> None:
    assert (
        text((0, 1_000, "你好。"), (1_000, 2_000, "我很好"), (2_000, 3_000, "谢谢"), language="zh")
        == "你好。我很好 谢谢\n"
    )

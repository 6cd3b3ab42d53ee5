from tests.sidecars.renderings import CONVERSATION, SILENCE, rendered, rendering, text
from watcherd.sidecars.formats import FORMATS
from watcherd.transcript import Segment, Transcript


def test_lines_have_the_time_at_which_they_begin_and_go_where_nobody_speaks() -> None:
    transcript = Transcript("en", 4_000_000, (Segment(1_239, 3_000, "One."), Segment(3_661_009, 3_662_000, "Two.")))
    assert text("lrc", transcript).splitlines() == [
        "[ti:talk]",
        "[length:66:40]",
        "[00:01.23]One.",
        "[00:03.48]",
        "[61:01.00]Two.",
        "[61:02.50]",
    ]


def test_spoken_brackets_are_no_times() -> None:
    transcript = Transcript("en", 9_000, (Segment(0, 3_000, "[00:05.00] is a time."),))
    assert "[00:00.00](00:05.00) is a time." in text("lrc", transcript).splitlines()


def test_a_title_with_brackets_is_no_end_of_the_header() -> None:
    content = FORMATS["lrc"].render(rendering(CONVERSATION, "/memos/a]b [c\n.mp3"))
    assert content is not None
    assert content.decode().splitlines()[0] == "[ti:a)b (c\\x0a]"


def test_who_speaks_is_named_when_it_changes() -> None:
    lines = [line.partition("]")[2] for line in text("lrc", CONVERSATION).splitlines()[2:]]
    assert lines == ["Anna & Co: How are you?", "Bob: Fine.", "Anna & Co: Good to hear.", "And now this.", ""]


def test_without_speech_there_are_no_lyrics() -> None:
    assert rendered("lrc", SILENCE) is None

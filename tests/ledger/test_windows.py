"""Windows of unfinished recordings: kept over every interruption, and never under other settings."""

from tests.ledger.conftest import SPEECH, Desk
from watcherd.errors import ReadError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Result, Work
from watcherd.partial import Partial

FIRST, SECOND = b"1" * 16, b"2" * 16
RESULT = Result(SPEECH, "model", None, "settings", 1)


def claimed(desk: Desk) -> Work:
    desk.bind("a.mp3", "A")
    work = desk.ledger.queue.next(desk.roots)
    assert work is not None
    desk.ledger.queue.claim(work)
    return work


def test_nothing_is_known_of_a_new_recording(desk: Desk) -> None:
    assert desk.ledger.windows.begin(claimed(desk).content_id, "m1") == Partial()


def test_windows_of_several_batches_are_handed_back_together(desk: Desk) -> None:
    content_id = claimed(desk).content_id
    desk.ledger.windows.begin(content_id, "m1")
    desk.ledger.windows.keep({content_id: Partial("de", {FIRST: "first"})})
    desk.ledger.windows.keep({content_id: Partial("de", {SECOND: "second"})})

    assert desk.ledger.windows.begin(content_id, "m1") == Partial("de", {FIRST: "first", SECOND: "second"})


def test_they_survive_the_end_of_the_daemon(desk: Desk) -> None:
    content_id = claimed(desk).content_id
    desk.ledger.windows.begin(content_id, "m1")
    desk.ledger.windows.keep({content_id: Partial("en", {FIRST: "first"})})
    desk.ledger.close()

    desk.ledger = Ledger.open(desk.database, desk.clock)

    assert desk.ledger.windows.begin(content_id, "m1").readings == {FIRST: "first"}


def test_what_was_read_with_other_settings_is_thrown_away(desk: Desk) -> None:
    content_id = claimed(desk).content_id
    desk.ledger.windows.begin(content_id, "m1")
    desk.ledger.windows.keep({content_id: Partial("de", {FIRST: "first"})})

    assert desk.ledger.windows.begin(content_id, "m2") == Partial()
    assert desk.ledger.windows.begin(content_id, "m1") == Partial()


def test_the_result_takes_their_place(desk: Desk) -> None:
    content_id = claimed(desk).content_id
    desk.ledger.windows.begin(content_id, "m1")
    desk.ledger.windows.keep({content_id: Partial("de", {FIRST: "first"})})
    desk.ledger.queue.store_result(content_id, RESULT)
    desk.ledger.windows.keep({content_id: Partial("de", {SECOND: "late"})})

    assert desk.ledger.windows.begin(content_id, "m1") == Partial()


def test_a_redo_reads_everything_again(desk: Desk) -> None:
    content_id = claimed(desk).content_id
    desk.ledger.windows.begin(content_id, "m1")
    desk.ledger.windows.keep({content_id: Partial("de", {FIRST: "first"})})
    desk.ledger.queue.fail(content_id, ReadError("torn"))
    desk.ledger.queue.redo(content_id)

    assert desk.ledger.windows.begin(content_id, "m1") == Partial()


def test_contents_do_not_see_each_others_windows(desk: Desk) -> None:
    desk.bind("b.mp3", "B")
    one, other = claimed(desk).content_id, desk.bind("c.mp3", "C").content_id
    desk.ledger.windows.begin(one, "m1")
    desk.ledger.windows.begin(other, "m1")
    desk.ledger.windows.keep({one: Partial("en", {FIRST: "one"}), other: Partial("de", {FIRST: "other"})})

    assert desk.ledger.windows.begin(one, "m1") == Partial("en", {FIRST: "one"})
    assert desk.ledger.windows.begin(other, "m1") == Partial("de", {FIRST: "other"})

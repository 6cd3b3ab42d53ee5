from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watcherd.errors import EngineDiedError, ErrorClass, MediaError, OutOfMemoryError, ToolMissingError
from watcherd.ledger.queue import BLOCKED_WAIT, MAX_ATTEMPTS, MAX_DEATHS, WAIT_AFTER_DEATH, backoff
from watcherd.ledger.records import Result
from watcherd.ledger.states import State
from watcherd.ledger.store import UnexpectedStateError
from watcherd.transcript import Transcript

if TYPE_CHECKING:
    from tests.ledger.conftest import Desk

NO_MEMORY = OutOfMemoryError("the device has no memory left")
SEGFAULT = EngineDiedError("the engine was killed by signal 11")


def test_first_seen_is_first_served(desk: Desk) -> None:
    for name in ("c", "a", "b"):
        desk.bind(f"{name}.mp3", name)

    assert [desk.claim().path.name for _ in range(3)] == ["c.mp3", "a.mp3", "b.mp3"]
    assert desk.ledger.queue.next(desk.roots) is None


def test_only_roots_that_are_there_are_worked_on(desk: Desk) -> None:
    desk.bind("usb/a.mp3", "a")
    desk.bind("usb2/b.mp3", "b")

    work = desk.ledger.queue.next([desk.path("usb2")])
    assert work is not None
    assert work.path == desk.path("usb2/b.mp3")
    assert desk.ledger.queue.next([]) is None
    everywhere = desk.ledger.queue.next([Path("/")])
    assert everywhere is not None
    assert everywhere.path == desk.path("usb/a.mp3")


def test_a_permanent_error_fails_with_its_reason_and_is_not_tried_again(desk: Desk) -> None:
    desk.bind("a.mp3", "c")

    desk.ledger.queue.fail(desk.claim().content_id, MediaError("no audio stream", remedy="Delete it"))
    desk.clock.advance(days=365)

    entry = desk.entry("a.mp3")
    assert (entry.state, entry.error_class, entry.error, entry.remedy, entry.attempts) == (
        State.FAILED,
        ErrorClass.PERMANENT,
        "no audio stream",
        "Delete it",
        1,
    )
    assert desk.ledger.queue.next(desk.roots) is None
    assert desk.ledger.queue.next_due() is None


def test_a_transient_error_is_tried_again_after_growing_waits_and_fails_in_the_end(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    waits = []
    desk.claim()
    while desk.ledger.queue.fail(content_id, NO_MEMORY) is State.RETRY:
        assert desk.ledger.queue.next(desk.roots) is None
        due = desk.ledger.queue.next_due()
        assert due is not None
        waits.append(due - desk.clock())
        desk.clock.now = due
        desk.claim()

    assert waits == [timedelta(seconds=s) for s in (30, 120, 480, 1920)]
    entry = desk.entry("a.mp3")
    assert (entry.state, entry.error_class, entry.attempts) == (State.FAILED, ErrorClass.TRANSIENT, MAX_ATTEMPTS)


def test_waits_never_grow_past_an_hour() -> None:
    assert backoff(10_000) == timedelta(hours=1)


def test_a_retry_that_is_not_due_lets_the_others_go_first(desk: Desk) -> None:
    desk.bind("a.mp3", "a")
    desk.bind("b.mp3", "b")
    desk.ledger.queue.fail(desk.claim().content_id, NO_MEMORY)

    assert desk.next().path == desk.path("b.mp3")
    desk.clock.advance(seconds=30)
    assert desk.next().path == desk.path("a.mp3")


def test_what_waits_for_a_person_is_looked_at_again_without_end(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    for _ in range(2 * MAX_ATTEMPTS):
        desk.claim()
        assert desk.ledger.queue.fail(content_id, ToolMissingError("ffmpeg is gone")) is State.BLOCKED
        assert desk.ledger.queue.next(desk.roots) is None
        desk.clock.advance(seconds=BLOCKED_WAIT.total_seconds())

    assert desk.next().content_id == content_id


def test_a_recording_that_kills_the_engine_three_times_is_set_aside_as_poison(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    outcomes = []
    for deaths in range(MAX_DEATHS):
        assert desk.claim().deaths == deaths
        outcomes.append(desk.ledger.queue.engine_died(content_id, SEGFAULT))
        desk.clock.advance(seconds=WAIT_AFTER_DEATH.total_seconds())

    assert outcomes == [State.RETRY, State.RETRY, State.FAILED]
    entry = desk.entry("a.mp3")
    assert (entry.error_class, entry.attempts) == (ErrorClass.POISON, 3)
    assert entry.error == (
        "the engine died 3 times with this recording in hand, lastly: the engine was killed by signal 11"
    )


def test_a_recording_that_killed_the_engine_lets_the_others_go_first(desk: Desk) -> None:
    poison = desk.bind("a.mp3", "a").content_id
    desk.bind("b.mp3", "b")
    desk.claim()

    desk.ledger.queue.engine_died(poison, SEGFAULT)

    assert desk.next().path == desk.path("b.mp3")


def test_deaths_of_the_engine_do_not_use_up_the_attempts(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    for _ in range(2):
        desk.claim()
        desk.ledger.queue.engine_died(content_id, SEGFAULT)
        desk.clock.advance(minutes=1)
    desk.claim()

    desk.ledger.queue.fail(content_id, NO_MEMORY)

    assert desk.ledger.queue.next_due() == desk.clock() + backoff(1)


def test_a_released_content_keeps_its_place_and_is_not_charged(desk: Desk) -> None:
    first = desk.bind("a.mp3", "a").content_id
    desk.bind("b.mp3", "b")
    desk.claim()

    desk.ledger.queue.release(first, "the daemon stops")

    assert (desk.next().content_id, desk.next().attempts) == (first, 0)


def test_the_result_is_stored_whole(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    desk.transcribe()
    desk.reopen()

    assert desk.ledger.read.result(content_id) == desk.result()
    entry = desk.entry("a.mp3")
    assert (entry.language, entry.duration_ms, entry.model, entry.compute_ms) == ("en", 2500, "packaged:base", 700)


def test_a_result_for_a_path_that_holds_something_else_by_now_is_not_claimed(desk: Desk) -> None:
    desk.bind("a.mp3", "old")
    work = desk.next()
    desk.bind("a.mp3", "new")

    with pytest.raises(UnexpectedStateError, match="another content"):
        desk.ledger.queue.claim(work)


def test_retry_gives_all_attempts_back(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    for _ in range(MAX_DEATHS):
        desk.claim()
        desk.ledger.queue.engine_died(content_id, SEGFAULT)
        desk.clock.advance(minutes=1)

    assert desk.ledger.retry(desk.path("a.mp3"))

    work = desk.next()
    assert (work.attempts, work.deaths) == (0, 0)
    assert desk.entry("a.mp3").error is None


def test_retry_of_a_blocked_path_tries_to_publish_again(desk: Desk) -> None:
    desk.finish("a.mp3", "c")
    desk.bind("b.mp3", "c")
    desk.ledger.paths.block(desk.path("b.mp3"), MediaError("disk full"), None)
    assert desk.due() == []

    assert desk.ledger.retry(desk.path("b.mp3"))

    assert [publication.path for publication in desk.due()] == [desk.path("b.mp3")]


@pytest.mark.parametrize("state", [State.PENDING, State.RUNNING, State.TRANSCRIBED, State.DONE, State.NO_SPEECH])
def test_retry_says_when_nothing_is_wrong(desk: Desk, state: State) -> None:
    desk.bring_to(state)

    assert not desk.ledger.retry(desk.path("a.mp3"))
    assert not desk.ledger.retry(desk.path("unknown.mp3"))
    assert desk.state("a.mp3") is state


def test_redo_keeps_the_old_result_until_the_new_one_is_stored(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")

    desk.ledger.queue.redo(content_id)

    work = desk.next()
    assert (work.generation, work.attempts) == (2, 0)
    assert desk.ledger.read.result(content_id) == desk.result()
    assert desk.due() == []
    desk.claim()
    newer = Result(Transcript("es", 9, ()), "other/model", None, "fp2", 1)
    desk.ledger.queue.store_result(content_id, newer)
    assert desk.ledger.read.result(content_id) == newer
    assert [publication.generation for publication in desk.due()] == [2]


def test_a_redo_whose_recording_comes_back_is_still_to_be_done(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.ledger.queue.redo(content_id)
    desk.ledger.paths.forget([desk.path("a.mp3")])

    assert desk.bind("b.mp3", "c").state is State.PENDING


def test_a_redo_that_fails_does_not_count_as_published(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.ledger.queue.redo(content_id)
    desk.ledger.queue.fail(desk.claim().content_id, MediaError("damaged by now"))

    entry = desk.entry("a.mp3")
    assert (entry.state, entry.error, entry.finished_at) == (State.FAILED, "damaged by now", None)


def test_the_next_wait_is_none_where_nothing_waits_and_never_in_the_past(desk: Desk) -> None:
    assert desk.ledger.queue.next_due() is None
    desk.bring_to(State.RETRY)
    assert desk.ledger.queue.next_due() == desk.clock() + backoff(1)

    desk.clock.advance(days=1)

    assert desk.ledger.queue.next_due() is None


def test_contents_that_are_passed_over_keep_their_place(desk: Desk) -> None:
    long = desk.bind("long.mp3", "L").content_id
    memo = desk.bind("memo.mp3", "M").content_id

    next_but_long = desk.ledger.queue.next(desk.roots, {long})
    first = desk.ledger.queue.next(desk.roots)

    assert next_but_long is not None
    assert first is not None
    assert (next_but_long.content_id, first.content_id) == (memo, long)
    assert desk.ledger.queue.next(desk.roots, {long, memo}) is None

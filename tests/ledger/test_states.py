"""Every move that the table allows happens, and every other one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watcherd.errors import EngineDiedError, MediaError, OutOfMemoryError, ToolMissingError
from watcherd.ledger.records import Publication, Result, Work
from watcherd.ledger.states import MOVES, State
from watcherd.ledger.store import UnexpectedStateError
from watcherd.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ledger.conftest import Desk

S = State


def claim(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.claim(Work(content_id, desk.sha("c"), desk.path("a.mp3"), 1, 0, 0))


def release(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.release(content_id, "the daemon stops")


def store_result(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.store_result(content_id, Result(Transcript("en", 1, ()), "m", None, "f", 1))


def fail_for_good(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.fail(content_id, MediaError("no audio stream"))


def fail_for_now(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.fail(content_id, OutOfMemoryError("no memory"))


def fail_until_somebody_helps(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.fail(content_id, ToolMissingError("no ffmpeg"))


def engine_died(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.engine_died(content_id, EngineDiedError("signal 9"))


def retry(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.retry(content_id)


def redo(desk: Desk, content_id: int) -> None:
    desk.ledger.queue.redo(content_id)


def published(desk: Desk, content_id: int) -> None:
    desk.ledger.publishing.published(Publication(content_id, desk.sha("c"), desk.path("a.mp3"), 1))


STEPS: dict[Callable[[Desk, int], None], dict[State, State]] = {
    claim: {S.PENDING: S.RUNNING, S.RETRY: S.RUNNING, S.BLOCKED: S.RUNNING},
    release: {S.RUNNING: S.PENDING},
    store_result: {S.RUNNING: S.TRANSCRIBED},
    fail_for_good: {S.RUNNING: S.FAILED},
    fail_for_now: {S.RUNNING: S.RETRY},
    fail_until_somebody_helps: {S.RUNNING: S.BLOCKED},
    engine_died: {S.RUNNING: S.RETRY},
    retry: {S.RETRY: S.PENDING, S.BLOCKED: S.PENDING, S.FAILED: S.PENDING},
    redo: {
        S.TRANSCRIBED: S.PENDING,
        S.DONE: S.PENDING,
        S.NO_SPEECH: S.PENDING,
        S.RETRY: S.PENDING,
        S.BLOCKED: S.PENDING,
        S.FAILED: S.PENDING,
    },
    # Written twice is no error: a crash between the two is possible.
    published: {S.TRANSCRIBED: S.DONE, S.DONE: S.DONE, S.NO_SPEECH: S.NO_SPEECH},
}
"""What each step makes of each state; the states that are not named refuse it."""


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_step_moves_the_states_it_is_meant_for_and_refuses_the_others(
    desk: Desk, step: Callable[[Desk, int], None], state: State
) -> None:
    content_id = desk.bring_to(state)
    before = list(desk.ledger._db.iterdump())
    after = STEPS[step].get(state)

    if after is None:
        with pytest.raises(UnexpectedStateError):
            step(desk, content_id)
        assert list(desk.ledger._db.iterdump()) == before
    else:
        step(desk, content_id)
        assert desk.state("a.mp3") is after


@pytest.mark.parametrize("state", [state for state in State if state not in {S.RUNNING, S.SUPERSEDED}])
def test_a_content_whose_only_file_goes_is_superseded(desk: Desk, state: State) -> None:
    desk.bring_to(state)

    desk.ledger.paths.forget([desk.path("a.mp3")])

    assert desk.ledger.read.counts()[S.SUPERSEDED] == 1
    assert desk.ledger.read.entry(desk.path("a.mp3")) is None


@pytest.mark.parametrize(
    ("state", "back"),
    [
        (S.PENDING, S.PENDING),
        (S.TRANSCRIBED, S.TRANSCRIBED),
        (S.DONE, S.TRANSCRIBED),
        (S.NO_SPEECH, S.TRANSCRIBED),
        (S.RETRY, S.PENDING),
        (S.BLOCKED, S.PENDING),
        (S.FAILED, S.FAILED),
    ],
)
def test_a_content_that_comes_back_goes_on_where_it_was(desk: Desk, state: State, back: State) -> None:
    content_id = desk.bring_to(state)
    error = desk.entry("a.mp3").error
    desk.ledger.paths.forget([desk.path("a.mp3")])

    binding = desk.bind("b.mp3", "c")

    assert (binding.content_id, binding.state) == (content_id, back)
    assert desk.entry("b.mp3").error == (error if back is S.FAILED else None)


@pytest.mark.parametrize("step", [release, store_result, fail_for_now, engine_died], ids=lambda step: step.__name__)
def test_a_content_that_loses_its_file_while_it_runs_is_superseded_when_the_engine_is_through(
    desk: Desk, step: Callable[[Desk, int], None]
) -> None:
    content_id = desk.bring_to(S.RUNNING)

    desk.ledger.paths.forget([desk.path("a.mp3")])
    assert desk.ledger.read.counts()[S.SUPERSEDED] == 0
    step(desk, content_id)

    [gone] = desk.ledger.read.entries(S.SUPERSEDED)
    assert gone.path == desk.path("a.mp3")


def test_every_move_of_the_table_is_made_by_some_step(desk: Desk) -> None:
    made: set[tuple[State, State]] = set()

    def note() -> None:
        rows = desk.ledger._db.execute("SELECT from_state, to_state FROM events WHERE from_state IS NOT NULL")
        made.update((State(row["from_state"]), State(row["to_state"])) for row in rows)
        # From one scenario to the next everything is forgotten, the way only a test does it.
        for table in ("events", "sidecars", "results", "paths", "contents"):
            desk.ledger._db.execute(f"DELETE FROM {table}")  # noqa: S608  the names stand one line above

    for step, outcomes in STEPS.items():
        for state in outcomes:
            step(desk, desk.bring_to(state))
            note()
    for state in State:
        desk.bring_to(state)
        desk.ledger.paths.forget([desk.path("a.mp3")])
        desk.bind("a.mp3", "c")
        note()
    content_id = desk.bring_to(S.RUNNING)
    desk.ledger.paths.forget([desk.path("a.mp3")])
    release(desk, content_id)
    note()
    for state in (S.DONE, S.NO_SPEECH):
        desk.bring_to(state)
        desk.bind("copy.mp3", "c")
        note()
    desk.finish("a.mp3", "c", packets="p")
    desk.bind("b.mp3", "retagged", packets="p")
    note()

    assert made == {(origin, target) for origin, targets in MOVES.items() for target in targets}

"""The work on contents: whose turn it is, what came of it, and when to try again."""

import os
import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from watcherd.errors import EngineDiedError, ErrorClass, WatcherdError
from watcherd.ledger import results
from watcherd.ledger.clock import from_ms
from watcherd.ledger.records import Result, Trouble, Work, as_path
from watcherd.ledger.roots import prefixes
from watcherd.ledger.states import State
from watcherd.ledger.store import Store, UnexpectedStateError
from watcherd.ledger.windows import forget

MAX_ATTEMPTS: Final = 5
"""Waits of 30 s, 2, 8 and 32 min between them: a file server that restarts is back within their sum, and a disk that
still fails after it needs a person."""

MAX_DEATHS: Final = 3
"""Twice may be the fault of a neighbour or of the machine."""

FIRST_WAIT: Final = timedelta(seconds=30)
WAIT_GROWTH: Final = 4
LONGEST_WAIT: Final = timedelta(hours=1)

WAIT_AFTER_DEATH: Final = timedelta(seconds=5)
"""Enough for the others in the queue to go first, so that a recording which kills the engine delays them once each."""

BLOCKED_WAIT: Final = timedelta(minutes=5)
"""How long a content that needs a person rests before it is tried again."""

_WAITING: Final = frozenset({State.PENDING, State.RETRY, State.BLOCKED})
_STOPPED: Final = frozenset({State.RETRY, State.BLOCKED, State.FAILED})
REDOABLE: Final = _STOPPED | {State.TRANSCRIBED, State.DONE, State.NO_SPEECH}
"""What can be transcribed again; all else waits for it or runs anyway, or is not there."""


def backoff(attempt: int) -> timedelta:
    """How long to wait after this attempt, the first being 1, has failed.

    >>> [str(backoff(attempt)) for attempt in (1, 2, 3, 4, 5)]
    ['0:00:30', '0:02:00', '0:08:00', '0:32:00', '1:00:00']
    """
    growth: int = WAIT_GROWTH ** min(attempt - 1, 10)  # bounded: a timedelta cannot hold every number
    return min(FIRST_WAIT * growth, LONGEST_WAIT)


class Queue:
    """The work on contents, first seen first served."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def recover(self) -> int:
        """Take back what a daemon that ended too early left running; returns how many contents that were.

        Their attempts are not charged: it was the daemon that ended, not the engine with them in hand.
        """
        with self._store.transaction() as db:
            rows = db.execute("SELECT id FROM contents WHERE state = 'running'").fetchall()
            for row in rows:
                if results.has_current(db, row["id"]) and self._store.is_held(row["id"]):
                    reason = "the daemon ended after the result was stored"
                    self._store.move(row["id"], State.TRANSCRIBED, reason, expected={State.RUNNING})
                else:
                    self._take_back(row["id"], "the daemon ended while it was being transcribed")
        return len(rows)

    def next(self, roots: Collection[Path], passed_over: Collection[int] = ()) -> Work | None:
        """The next content to transcribe that has a path below one of these roots; None where nothing is due.

        Pending contents and those whose retry is due stand in one queue. A blocked path does not offer its content
        until its own next try is due; then look whether it is still blocked, and call ``Paths.block`` or ``claim``.

        Args:
            roots: the folders that are there now.
            passed_over: ids of contents whose turn it is not, for reasons of the caller.
        """
        values = {"now_ms": self._store.now_ms()}
        candidates = (
            self._first(
                """
                SELECT c.*, p.path FROM contents AS c CROSS JOIN paths AS p ON p.content_id = c.id
                WHERE c.state = 'pending' AND (p.error_class IS NULL OR p.retry_at_ms <= :now_ms)
                ORDER BY c.first_seen_ms, c.id
                """,
                values,
                roots,
                passed_over,
            ),
            self._first(
                """
                SELECT c.*, p.path FROM contents AS c CROSS JOIN paths AS p ON p.content_id = c.id
                WHERE c.retry_at_ms <= :now_ms AND c.state IN ('retry', 'blocked')
                  AND (p.error_class IS NULL OR p.retry_at_ms <= :now_ms)
                ORDER BY c.first_seen_ms, c.id
                """,
                values,
                roots,
                passed_over,
            ),
        )
        row = min(filter(None, candidates), key=lambda row: (row["first_seen_ms"], row["id"]), default=None)
        if row is None:
            return None
        return Work(
            content_id=row["id"],
            sha256=row["sha256"],
            path=as_path(row["path"]),
            generation=row["generation"],
            attempts=row["attempts"],
            deaths=row["deaths"],
        )

    def next_due(self) -> datetime | None:
        """When the next wait ends, of a content or of a path; None where none is under way."""
        query = """
            SELECT min(at_ms) AS at_ms FROM (
                SELECT min(retry_at_ms) AS at_ms FROM contents WHERE retry_at_ms > :now_ms
                UNION ALL
                SELECT min(retry_at_ms) FROM paths WHERE retry_at_ms > :now_ms AND content_id IS NOT NULL)
            """
        with self._store.rows(query, {"now_ms": self._store.now_ms()}) as rows:
            at_ms: int | None = rows.fetchone()["at_ms"]
        return None if at_ms is None else from_ms(at_ms)

    def claim(self, work: Work) -> None:
        """Hand the content to the engine, and charge an attempt. Trouble of the path that is used is over.

        Raises:
            UnexpectedStateError: it does not wait, or the path does not hold it any more.
        """
        with self._store.transaction() as db:
            cleared = db.execute(
                """
                UPDATE paths SET error_class = NULL, error = NULL, remedy = NULL, retry_at_ms = NULL
                WHERE path = ? AND content_id = ?
                """,
                (os.fsencode(work.path), work.content_id),
            )
            if cleared.rowcount != 1:
                raise UnexpectedStateError("this path holds another content by now", path=work.path)
            self._store.move(work.content_id, State.RUNNING, "its turn has come", expected=_WAITING)
            db.execute("UPDATE contents SET attempts = attempts + 1 WHERE id = ?", (work.content_id,))

    def release(self, content_id: int, reason: str) -> None:
        """Take the content back unfinished, without charging the attempt: the daemon stops, or the file changed.

        A path whose file changed is to be forgotten (``Paths.forget``) before, or the next turn would offer it again as
        it was, before discovery has looked at it.

        Raises:
            UnexpectedStateError: it is not running.
        """
        with self._store.transaction():
            self._take_back(content_id, reason)

    def store_result(self, content_id: int, result: Result) -> State:
        """Store the transcript of a running content, and lend it to those that wait with the same audio packets.

        Returns transcribed; or superseded where every path went meanwhile, with the result kept for its return.

        Raises:
            UnexpectedStateError: it is not running.
        """
        store = self._store
        with store.transaction():
            results.put(store, content_id, result)
            if not self._superseded(content_id, "transcribed, but its file is gone"):
                store.move(content_id, State.TRANSCRIBED, "transcribed", expected={State.RUNNING})
            results.lend_to_waiting(store, content_id)
            return store.state_of(content_id)

    def fail(self, content_id: int, error: WatcherdError) -> State:
        """Write down why a running content was not transcribed; its class decides what comes next.

        Permanent and poison: failed. Transient: retry after a growing wait, failed after the last attempt. Blocked:
        blocked, tried again after a while. Trouble of a path alone belongs to ``release`` and ``Paths.block``.

        Raises:
            UnexpectedStateError: it is not running.
        """
        with self._store.transaction():
            row = self._counts(content_id)
            match error.error_class:
                case ErrorClass.TRANSIENT:
                    failures = row["attempts"] - row["deaths"]
                    wait = backoff(failures) if failures < MAX_ATTEMPTS else None
                    to = State.FAILED if wait is None else State.RETRY
                case ErrorClass.BLOCKED:
                    wait, to = BLOCKED_WAIT, State.BLOCKED
                case ErrorClass.PERMANENT | ErrorClass.POISON:
                    wait, to = None, State.FAILED
            return self._set_aside(content_id, to, Trouble.of(error, self._after(wait)))

    def engine_died(self, content_id: int, error: EngineDiedError) -> State:
        """Write down that the engine died with this content in hand: retry, and failed as poison the third time.

        Raises:
            UnexpectedStateError: it is not running.
        """
        with self._store.transaction() as db:
            db.execute("UPDATE contents SET deaths = deaths + 1 WHERE id = ?", (content_id,))
            deaths = self._counts(content_id)["deaths"]
            if deaths < MAX_DEATHS:
                trouble = Trouble.of(error, self._after(WAIT_AFTER_DEATH), ErrorClass.TRANSIENT)
                return self._set_aside(content_id, State.RETRY, trouble)
            problem = f"the engine died {deaths} times with this recording in hand, lastly: {error.problem}"
            remedy = "Look into the log for the reason, then: watcherd retry"
            return self._set_aside(content_id, State.FAILED, Trouble(ErrorClass.POISON, problem, remedy, None))

    def retry(self, content_id: int) -> None:
        """Give a failed, blocked or waiting content all its attempts again, now.

        Raises:
            UnexpectedStateError: it is in no such state.
        """
        with self._store.transaction() as db:
            self._store.move(content_id, State.PENDING, "retry was asked for", expected=_STOPPED)
            db.execute("UPDATE contents SET attempts = 0, deaths = 0 WHERE id = ?", (content_id,))

    def retry_stopped(self, content_id: int) -> bool:
        """``retry`` where the content is in one of its states; whether it was."""
        if self._store.state_of(content_id) not in _STOPPED:
            return False
        self.retry(content_id)
        return True

    def redo(self, *content_ids: int) -> None:
        """Ask for new transcriptions, and for new sidecars of every path, all at once. Old results stay until then.

        Windows of one that was not finished are thrown away: whoever asks again wants all of it read again.

        Raises:
            UnexpectedStateError: one of them waits or runs anyway, or no path holds it; nothing was changed.
        """
        with self._store.transaction() as db:
            for content_id in content_ids:
                self._store.move(content_id, State.PENDING, "redo was asked for", expected=REDOABLE)
                db.execute(
                    "UPDATE contents SET generation = generation + 1, attempts = 0, deaths = 0 WHERE id = ?",
                    (content_id,),
                )
                db.execute("UPDATE paths SET published_ms = NULL WHERE content_id = ?", (content_id,))
                forget(db, content_id)

    def _first(
        self, query: str, values: Mapping[str, Any], roots: Collection[Path], passed_over: Collection[int]
    ) -> sqlite3.Row | None:
        wanted = prefixes(roots)
        with self._store.rows(query, values) as rows:
            return next((row for row in rows if row["path"].startswith(wanted) and row["id"] not in passed_over), None)

    def _take_back(self, content_id: int, reason: str) -> None:
        if not self._superseded(content_id, reason):
            self._store.move(content_id, State.PENDING, reason, expected={State.RUNNING})
        self._store.db.execute("UPDATE contents SET attempts = max(attempts - 1, 0) WHERE id = ?", (content_id,))

    def _set_aside(self, content_id: int, to: State, trouble: Trouble) -> State:
        if self._superseded(content_id, trouble.error):
            return State.SUPERSEDED
        self._store.move(content_id, to, trouble.error, expected={State.RUNNING}, trouble=trouble)
        return to

    def _superseded(self, content_id: int, reason: str) -> bool:
        """Supersede a running content that lost its last path meanwhile; whether it was one."""
        if self._store.state_of(content_id) is not State.RUNNING or self._store.is_held(content_id):
            return False
        row = self._store.db.execute("SELECT last_path FROM contents WHERE id = ?", (content_id,)).fetchone()
        self._store.supersede(content_id, row["last_path"], reason)
        return True

    def _counts(self, content_id: int) -> sqlite3.Row:
        self._store.state_of(content_id)  # says so where there is no such content
        row: sqlite3.Row = self._store.db.execute(
            "SELECT attempts, deaths FROM contents WHERE id = ?", (content_id,)
        ).fetchone()
        return row

    def _after(self, wait: timedelta | None) -> int | None:
        return None if wait is None else self._store.now_ms() + wait // timedelta(milliseconds=1)

"""The writer's hold on the database: transactions, the clock, and the one way in which a content changes its state."""

import logging
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from watcherd.errors import ErrorClass, LedgerError, WatcherdError
from watcherd.ledger.clock import Clock, to_ms
from watcherd.ledger.connection import explained
from watcherd.ledger.records import Trouble
from watcherd.ledger.states import MOVES, State

_log = logging.getLogger(__name__)


class UnexpectedStateError(WatcherdError):
    """The ledger was asked for a step that the state of the content does not allow; nothing was changed."""


class Store:
    """What the writing parts of the ledger share. For one thread, the one that opened the connection."""

    def __init__(self, db: sqlite3.Connection, database: Path, clock: Clock) -> None:
        self.db = db
        self.database = database
        self._clock = clock
        self._untold: list[tuple[int, State | None, State, int, str]] = []
        """Moves of the running transaction: content, from, to, milliseconds in the old state, reason."""

    def now_ms(self) -> int:
        """The present time."""
        return to_ms(self._clock())

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and on the disk when it ends.

        Raises:
            LedgerError: the database cannot be written; nothing was changed.
        """
        with explained(self.database):
            # IMMEDIATE: a transaction that begins by reading could not be made a writing one without SQLITE_BUSY.
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                self._untold.clear()
                if self.db.in_transaction:  # SQLite itself rolls back on a full disk
                    self.db.execute("ROLLBACK")
                raise
        untold, self._untold = self._untold, []
        for content_id, from_state, to, lasted_ms, reason in untold:
            _log.debug("content %d: %s → %s after %.1f s: %s", content_id, from_state, to, lasted_ms / 1000, reason)

    @contextmanager
    def rows(self, query: str, values: Mapping[str, object]) -> Iterator[sqlite3.Cursor]:
        """The rows of a query, fetched as they are asked for, for as long as the context lasts.

        Raises:
            LedgerError: the database cannot be read.
        """
        with explained(self.database), closing(self.db.execute(query, values)) as rows:
            yield rows

    def state_of(self, content_id: int) -> State:
        """The state of a content.

        Raises:
            UnexpectedStateError: there is no such content.
        """
        row = self.db.execute("SELECT state FROM contents WHERE id = ?", (content_id,)).fetchone()
        if row is None:
            raise UnexpectedStateError(f"the ledger has no content {content_id}", path=self.database)
        return State(row["state"])

    def appear(self, sha256: bytes, packet_sha256: bytes | None) -> int:
        """Make a content that was not known before; inside a transaction. Returns its id."""
        now_ms = self.now_ms()
        content_id = self.db.execute(
            "INSERT INTO contents (sha256, packet_sha256, state, first_seen_ms, changed_ms) VALUES (?, ?, ?, ?, ?)",
            (sha256, packet_sha256, State.PENDING, now_ms, now_ms),
        ).lastrowid
        if content_id is None:
            raise LedgerError("the new content has no row", path=self.database)
        self._record(content_id, None, State.PENDING, "new recording", now_ms, lasted_ms=0)
        return content_id

    def move(
        self,
        content_id: int,
        to: State,
        reason: str,
        *,
        expected: Collection[State],
        trouble: Trouble | None = None,
        last_path: bytes | None = None,
    ) -> None:
        """Change the state of a content and write down why; inside a transaction.

        Args:
            content_id: the content.
            to: its next state.
            reason: one line for a person.
            expected: the states that the caller reckons with.
            trouble: what is wrong from now on; None clears what was.
            last_path: where the content was last, for a superseded one.

        Raises:
            UnexpectedStateError: it is in another state, or MOVES has no such move.
        """
        state = self.state_of(content_id)
        if state not in expected or to not in MOVES[state]:
            raise UnexpectedStateError(
                f"content {content_id} is {state} and cannot become {to} ({reason})", path=self.database
            )
        row = self.db.execute("SELECT changed_ms FROM contents WHERE id = ?", (content_id,)).fetchone()
        now_ms = self.now_ms()
        values = (
            (None,) * 4
            if trouble is None
            else (trouble.error_class, trouble.error, trouble.remedy, trouble.retry_at_ms)
        )
        moved = self.db.execute(
            """
            UPDATE contents
            SET state = ?, changed_ms = ?, error_class = ?, error = ?, remedy = ?, retry_at_ms = ?, last_path = ?
            WHERE id = ? AND state = ?
            """,
            (to, now_ms, *values, last_path, content_id, state),
        )
        if moved.rowcount != 1:
            raise UnexpectedStateError(f"content {content_id} is no longer {state}", path=self.database)
        self._record(content_id, state, to, reason, now_ms, lasted_ms=now_ms - row["changed_ms"])

    def supersede(self, content_id: int, last_path: bytes, reason: str) -> None:
        """Set aside a content that no path holds; inside a transaction. What was wrong with it stays known.

        Raises:
            UnexpectedStateError: it is superseded already.
        """
        row = self.db.execute(
            "SELECT state, error_class, error, remedy FROM contents WHERE id = ?", (content_id,)
        ).fetchone()
        trouble = None
        if row["error_class"] is not None:
            trouble = Trouble(ErrorClass(row["error_class"]), row["error"], row["remedy"], retry_at_ms=None)
        self.move(
            content_id,
            State.SUPERSEDED,
            reason,
            expected={State(row["state"])},
            trouble=trouble,
            last_path=last_path,
        )

    def is_held(self, content_id: int) -> bool:
        """Whether any path holds the content."""
        return self.db.execute("SELECT 1 FROM paths WHERE content_id = ?", (content_id,)).fetchone() is not None

    def _record(
        self, content_id: int, from_state: State | None, to: State, reason: str, now_ms: int, *, lasted_ms: int
    ) -> None:
        self.db.execute(
            "INSERT INTO events (content_id, at_ms, from_state, to_state, reason) VALUES (?, ?, ?, ?, ?)",
            (content_id, now_ms, from_state, to, reason),
        )
        self._untold.append((content_id, from_state, to, lasted_ms, reason))

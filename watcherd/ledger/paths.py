"""Which path holds which content, and what is wrong with a path alone."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from watcherd.errors import ErrorClass, WatcherdError
from watcherd.ledger import publishing, results
from watcherd.ledger.clock import to_ms
from watcherd.ledger.records import Binding, Novelty, StatKey, Trouble
from watcherd.ledger.states import State
from watcherd.ledger.store import Store, UnexpectedStateError
from watcherd.names import printable


class Paths:
    """The writing side of the paths."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def bind(self, path: Path, stat_key: StatKey, sha256: bytes, packet_sha256: bytes | None = None) -> Binding:
        """Write down that the path holds this content, as read from a file with this stat key.

        A content that was not known is work, unless another one with the same audio packets has its result: then it is
        the same recording with other tags, and it gets that result. A known content under a new path has its sidecars
        to be published there. A content that came back takes up where it was. Trouble of the path is over.
        """
        store, raw = self._store, os.fsencode(path)
        with store.transaction() as db:
            row = db.execute("SELECT id FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
            content_id = store.appear(sha256, packet_sha256) if row is None else int(row["id"])
            held = db.execute("SELECT content_id FROM paths WHERE path = ?", (raw,)).fetchone()
            before = None if held is None else held["content_id"]
            if before == content_id:
                novelty = Novelty.SAME
                self._renew(raw, stat_key)
            else:
                novelty = Novelty.NEW_CONTENT if row is None else Novelty.NEW_PATH
                self._hold(raw, stat_key, content_id)
                self._come_back(content_id, path)
                if before is not None:
                    self._left(before, raw, f"{printable(path)} holds another recording now")
            if packet_sha256 is not None:
                self._know_packets(content_id, packet_sha256)
            publishing.reopen(store, content_id)
            state = store.state_of(content_id)
        return Binding(content_id, state, novelty, None if before == content_id else before)

    def bind_unreadable(self, path: Path, error: WatcherdError, retry_at: datetime | None = None) -> None:
        """Write down that the file cannot be read. The content that the path held, if any, stays its content.

        The file counts as unknown, so that every rescan looks at it again.
        """
        trouble = _path_trouble(error, retry_at)
        with self._store.transaction() as db:
            db.execute(
                """
                INSERT INTO paths (path, error_class, error, remedy, retry_at_ms) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (path) DO UPDATE SET
                    stat_key = NULL, error_class = excluded.error_class, error = excluded.error,
                    remedy = excluded.remedy, retry_at_ms = excluded.retry_at_ms
                """,
                (os.fsencode(path), trouble.error_class, trouble.error, trouble.remedy, trouble.retry_at_ms),
            )
            self._settle_content_of(path)

    def block(self, path: Path, error: WatcherdError, retry_at: datetime | None) -> None:
        """Write down that nothing can be done for this path until ``retry_at``, or until the user says so where None.

        Raises:
            UnexpectedStateError: the ledger does not know the path.
        """
        trouble = _path_trouble(error, retry_at)
        with self._store.transaction() as db:
            blocked = db.execute(
                "UPDATE paths SET error_class = ?, error = ?, remedy = ?, retry_at_ms = ? WHERE path = ?",
                (trouble.error_class, trouble.error, trouble.remedy, trouble.retry_at_ms, os.fsencode(path)),
            )
            _must_be_known(blocked.rowcount, path)
            self._settle_content_of(path)

    def clear(self, path: Path) -> None:
        """Write down that the path's own trouble is over; sidecars that wait for it are due.

        A file that could never be read has no content to go on with: it stays as it is until it is bound.

        Raises:
            UnexpectedStateError: the ledger does not know the path.
        """
        raw = os.fsencode(path)
        with self._store.transaction() as db:
            row = db.execute("SELECT content_id FROM paths WHERE path = ?", (raw,)).fetchone()
            _must_be_known(row is not None, path)
            if row["content_id"] is None:
                return
            db.execute(
                "UPDATE paths SET error_class = NULL, error = NULL, remedy = NULL, retry_at_ms = NULL WHERE path = ?",
                (raw,),
            )
            publishing.reopen(self._store, row["content_id"])

    def forget(self, paths: Iterable[Path]) -> None:
        """Write down that these files are gone, all at once; paths that are not known are passed over.

        A content that no path holds any more becomes superseded, or does so as soon as the engine is through with it.
        Its result and its sidecars stay known, for the day it comes back.
        """
        with self._store.transaction() as db:
            for path in paths:
                raw = os.fsencode(path)
                row = db.execute("DELETE FROM paths WHERE path = ? RETURNING content_id", (raw,)).fetchone()
                if row is not None and row["content_id"] is not None:
                    self._left(row["content_id"], raw, f"{printable(path)} is gone")

    def _renew(self, raw: bytes, stat_key: StatKey) -> None:
        self._store.db.execute(
            """
            UPDATE paths SET stat_key = ?, error_class = NULL, error = NULL, remedy = NULL, retry_at_ms = NULL
            WHERE path = ?
            """,
            (stat_key.pack(), raw),
        )

    def _hold(self, raw: bytes, stat_key: StatKey, content_id: int) -> None:
        self._store.db.execute(
            """
            INSERT INTO paths (path, content_id, stat_key) VALUES (?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
                content_id = excluded.content_id, stat_key = excluded.stat_key, published_ms = NULL,
                error_class = NULL, error = NULL, remedy = NULL, retry_at_ms = NULL
            """,
            (raw, content_id, stat_key.pack()),
        )

    def _come_back(self, content_id: int, path: Path) -> None:
        store = self._store
        if store.state_of(content_id) is not State.SUPERSEDED:
            return
        row = store.db.execute("SELECT error_class, error, remedy FROM contents WHERE id = ?", (content_id,)).fetchone()
        expected, reason = {State.SUPERSEDED}, f"it is back as {printable(path)}"
        if results.has_current(store.db, content_id):
            store.move(content_id, State.TRANSCRIBED, reason, expected=expected)
        elif row["error_class"] in {ErrorClass.PERMANENT, ErrorClass.POISON}:
            trouble = Trouble(ErrorClass(row["error_class"]), row["error"], row["remedy"], None)
            store.move(content_id, State.FAILED, reason, expected=expected, trouble=trouble)
        else:
            store.move(content_id, State.PENDING, reason, expected=expected)

    def _know_packets(self, content_id: int, packet_sha256: bytes) -> None:
        store = self._store
        store.db.execute("UPDATE contents SET packet_sha256 = ? WHERE id = ?", (packet_sha256, content_id))
        if results.may_adopt(store.db, content_id):
            lender_id = results.lender(store.db, packet_sha256)
            if lender_id is not None:
                results.adopt(store, content_id, lender_id)

    def _left(self, content_id: int, raw: bytes, reason: str) -> None:
        store = self._store
        if store.is_held(content_id):
            publishing.settle(store, content_id)
        elif store.state_of(content_id) is State.RUNNING:
            # The engine still has it: its path was perhaps only moved, and the work done on it counts.
            store.db.execute("UPDATE contents SET last_path = ? WHERE id = ?", (raw, content_id))
        else:
            store.supersede(content_id, raw, reason)

    def _settle_content_of(self, path: Path) -> None:
        row = self._store.db.execute(
            "SELECT content_id FROM paths WHERE path = ? AND content_id IS NOT NULL", (os.fsencode(path),)
        ).fetchone()
        if row is not None:
            publishing.settle(self._store, row["content_id"])


def _path_trouble(error: WatcherdError, retry_at: datetime | None) -> Trouble:
    # A path is never at fault for good: whatever is not over by itself waits for somebody.
    error_class = ErrorClass.TRANSIENT if error.error_class is ErrorClass.TRANSIENT else ErrorClass.BLOCKED
    return Trouble.of(error, None if retry_at is None else to_ms(retry_at), error_class)


def _must_be_known(known: object, path: Path) -> None:
    if not known:
        raise UnexpectedStateError("the ledger does not know this path", path=path)

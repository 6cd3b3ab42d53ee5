"""Whether a person has paused the work. The pause outlives the daemon."""

from dataclasses import dataclass
from datetime import datetime

from watcherd.ledger.clock import from_ms, to_ms
from watcherd.ledger.store import Store


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is begun, as a person asked for.

    Attributes:
        since: when it was asked for first.
        until: when it ends by itself; None where it does not.
    """

    since: datetime
    until: datetime | None


class Pausing:
    """The pause, if there is one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self) -> Pause | None:
        """The pause as it was asked for, whether or not it is over by now."""
        with self._store.rows("SELECT since_ms, until_ms FROM pause", {}) as rows:
            row = rows.fetchone()
        if row is None:
            return None
        return Pause(from_ms(row["since_ms"]), None if row["until_ms"] is None else from_ms(row["until_ms"]))

    def begin(self, until: datetime | None) -> Pause:
        """Pause, or give the present pause another end."""
        until_ms = None if until is None else to_ms(until)
        with self._store.transaction() as db:
            db.execute(
                """
                INSERT INTO pause (id, since_ms, until_ms) VALUES (1, ?, ?)
                ON CONFLICT (id) DO UPDATE SET until_ms = excluded.until_ms
                """,
                (self._store.now_ms(), until_ms),
            )
        pause = self.current()
        assert pause is not None  # noqa: S101  it was written just now
        return pause

    def end(self) -> bool:
        """Resume; whether there was a pause."""
        with self._store.transaction() as db:
            return db.execute("DELETE FROM pause").rowcount > 0

"""Finished windows of recordings that are not finished: after an interruption the engine gets them back."""

import sqlite3
from collections.abc import Mapping

from watcherd.ledger.store import Store
from watcherd.partial import Partial


class Windows:
    """Kept from the first window of a content until its result is stored, or a redo throws them away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, content_id: int, fingerprint: str) -> Partial:
        """What is kept of a content that is about to be handed to the engine.

        Args:
            content_id: the content.
            fingerprint: of the model and all settings that it will be read with. What was read under another one is
                thrown away.
        """
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT language FROM unfinished WHERE content_id = ? AND fingerprint = ?", (content_id, fingerprint)
            ).fetchone()
            if row is None:
                forget(db, content_id)
                db.execute("INSERT INTO unfinished (content_id, fingerprint) VALUES (?, ?)", (content_id, fingerprint))
                return Partial()
            windows = db.execute("SELECT key, reading FROM windows WHERE content_id = ?", (content_id,))
            return Partial(row["language"], {window["key"]: window["reading"] for window in windows})

    def keep(self, partials: Mapping[int, Partial]) -> None:
        """Add windows, by content, in one transaction: a batch of them costs one wait for the disk.

        Contents that ``begin`` has not been called for, or not since their result was stored, are passed over.
        """
        with self._store.transaction() as db:
            for content_id, partial in partials.items():
                begun = db.execute(
                    "UPDATE unfinished SET language = ? WHERE content_id = ?", (partial.language, content_id)
                )
                if begun.rowcount:
                    db.executemany(
                        "INSERT OR REPLACE INTO windows (content_id, key, reading) VALUES (?, ?, ?)",
                        [(content_id, key, reading) for key, reading in partial.readings.items()],
                    )


def forget(db: sqlite3.Connection, content_id: int) -> None:
    """Throw away the windows of a content; inside a transaction."""
    db.execute("DELETE FROM unfinished WHERE content_id = ?", (content_id,))

"""Stored transcriptions: one for each content, and the lending of one to a content with the same audio packets."""

import sqlite3

from watcherd.ledger import passages
from watcherd.ledger.records import Result, transcript_json, windows_json
from watcherd.ledger.states import State
from watcherd.ledger.store import Store
from watcherd.ledger.windows import forget


def has_current(db: sqlite3.Connection, content_id: int) -> bool:
    """Whether the result of the wanted generation is stored."""
    found = db.execute(
        """
        SELECT 1 FROM results AS r JOIN contents AS c ON c.id = r.content_id AND c.generation = r.generation
        WHERE r.content_id = ?
        """,
        (content_id,),
    ).fetchone()
    return found is not None


def put(store: Store, content_id: int, result: Result) -> None:
    """Store the result of the wanted generation in the place of an older one; inside a transaction.

    The windows that it was made of are not needed any more.
    """
    forget(store.db, content_id)
    store.db.execute(
        """
        INSERT OR REPLACE INTO results (
            content_id, generation, transcript, segments, language, language_suspect, duration_ms,
            model_id, model_revision, settings_fingerprint, compute_ms, windows, stored_ms)
        SELECT id, generation, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM contents WHERE id = ?
        """,
        (
            transcript_json(result.transcript),
            len(result.transcript.segments),
            result.transcript.language,
            int(result.transcript.language_suspect),
            result.transcript.duration_ms,
            result.model_id,
            result.model_revision,
            result.settings_fingerprint,
            result.compute_ms,
            windows_json(result.windows),
            store.now_ms(),
            content_id,
        ),
    )
    passages.renew(store.db, content_id)


def lender(db: sqlite3.Connection, packet_sha256: bytes) -> int | None:
    """The content with these audio packets whose current result is stored, the first seen where there are several."""
    row = db.execute(
        """
        SELECT c.id FROM contents AS c JOIN results AS r ON r.content_id = c.id AND r.generation = c.generation
        WHERE c.packet_sha256 = ? ORDER BY c.id LIMIT 1
        """,
        (packet_sha256,),
    ).fetchone()
    return None if row is None else int(row["id"])


def may_adopt(db: sqlite3.Connection, content_id: int) -> bool:
    """Whether the content waits for its first transcription: a redo wants one of its own."""
    found = db.execute(
        "SELECT 1 FROM contents WHERE id = ? AND state = 'pending' AND generation = 1", (content_id,)
    ).fetchone()
    return found is not None


def adopt(store: Store, content_id: int, lender_id: int) -> None:
    """Give a pending content the result of another one, without any compute of its own; inside a transaction.

    The formats that a person asked for go with it: it is the same recording with other tags.
    """
    forget(store.db, content_id)
    store.db.execute(
        """
        INSERT OR REPLACE INTO results (
            content_id, generation, transcript, segments, language, language_suspect, duration_ms,
            model_id, model_revision, settings_fingerprint, compute_ms, windows, stored_ms)
        SELECT
            c.id, c.generation, r.transcript, r.segments, r.language, r.language_suspect, r.duration_ms,
            r.model_id, r.model_revision, r.settings_fingerprint, NULL, r.windows, ?
        FROM contents AS c, results AS r WHERE c.id = ? AND r.content_id = ?
        """,
        (store.now_ms(), content_id, lender_id),
    )
    store.db.execute(
        "INSERT OR IGNORE INTO added_formats SELECT ?, format FROM added_formats WHERE content_id = ?",
        (content_id, lender_id),
    )
    passages.renew(store.db, content_id)
    store.move(
        content_id,
        State.TRANSCRIBED,
        f"same audio packets as content {lender_id}, whose transcript it gets",
        expected={State.PENDING},
    )


def lend_to_waiting(store: Store, content_id: int) -> None:
    """Give a result that was just stored to the pending contents with the same audio packets; in a transaction."""
    waiting = store.db.execute(
        """
        SELECT other.id FROM contents AS this JOIN contents AS other ON other.packet_sha256 = this.packet_sha256
        WHERE this.id = ? AND other.state = 'pending'
        """,
        (content_id,),
    ).fetchall()
    for row in waiting:
        if may_adopt(store.db, row["id"]):
            adopt(store, row["id"], content_id)

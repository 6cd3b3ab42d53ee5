"""Which sidecars are to be published, which were, and whose the files beside a recording are."""

import os
import sqlite3
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from watcherd.errors import WatcherdError
from watcherd.ledger.records import Publication, as_path
from watcherd.ledger.roots import prefixes
from watcherd.ledger.states import State
from watcherd.ledger.store import Store, UnexpectedStateError
from watcherd.names import printable

_PUBLISHED: Final = frozenset({State.DONE, State.NO_SPEECH})


class SidecarTakenError(WatcherdError):
    """The sidecar's name belongs to another recording."""


class Publishing:
    """The writing side of the sidecars: first the intent, then the file, then the fact."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, roots: Collection[Path], limit: int = 64) -> list[Publication]:
        """Paths under these roots whose content has its result and whose sidecars are not out, the oldest first.

        A copy that came later and a moved recording are among them; a blocked path is when its next try is due.
        """
        wanted = prefixes(roots)
        query = """
            SELECT c.first_seen_ms, c.id, c.sha256, c.generation, p.path
            FROM contents AS c CROSS JOIN paths AS p ON p.content_id = c.id
            WHERE c.state = 'transcribed' AND p.published_ms IS NULL
              AND (p.error_class IS NULL OR p.retry_at_ms <= :now_ms)
            UNION ALL
            SELECT c.first_seen_ms, c.id, c.sha256, c.generation, p.path
            FROM paths AS p CROSS JOIN contents AS c ON c.id = p.content_id
            WHERE p.retry_at_ms <= :now_ms AND p.published_ms IS NULL AND c.state IN ('done', 'no_speech')
            ORDER BY 1, 2
            """
        with self._store.rows(query, {"now_ms": self._store.now_ms()}) as rows:
            due = islice((row for row in rows if row["path"].startswith(wanted)), limit)
            return [Publication(row["id"], row["sha256"], as_path(row["path"]), row["generation"]) for row in due]

    def published(self, publication: Publication) -> State:
        """Write down that the sidecars of this path are out; returns the state of its content.

        Raises:
            UnexpectedStateError: the path holds another content by now, or a new transcription is wanted.
        """
        store = self._store
        with store.transaction() as db:
            published = db.execute(
                """
                UPDATE paths
                SET published_ms = ?, error_class = NULL, error = NULL, remedy = NULL, retry_at_ms = NULL
                WHERE path = ? AND content_id = (
                    SELECT id FROM contents
                    WHERE id = ? AND generation = ? AND state IN ('transcribed', 'done', 'no_speech'))
                """,
                (store.now_ms(), os.fsencode(publication.path), publication.content_id, publication.generation),
            )
            if published.rowcount != 1:
                raise UnexpectedStateError("these sidecars are no longer wanted", path=publication.path)
            settle(store, publication.content_id)
            return store.state_of(publication.content_id)

    def intend(self, publication: Publication, sidecar: Path, format_name: str, sha256: bytes) -> None:
        """Announce a write: from now on a file of this name with this hash is ours, whatever happens in between.

        Raises:
            UnexpectedStateError: the path holds another content by now.
            SidecarTakenError: another recording that is still there has this sidecar.
        """
        with self._store.transaction() as db:
            _must_hold(db, publication)
            _must_be_free(db, publication, sidecar)
            db.execute("INSERT OR IGNORE INTO made (sha256) VALUES (?)", (sha256,))
            db.execute(
                """
                INSERT INTO sidecars (path, recording, content_id, format, generation, intended_sha256)
                VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (path) DO UPDATE SET
                    recording = excluded.recording, content_id = excluded.content_id, format = excluded.format,
                    generation = excluded.generation, intended_sha256 = excluded.intended_sha256, kept = 0
                """,
                (
                    os.fsencode(sidecar),
                    os.fsencode(publication.path),
                    publication.content_id,
                    format_name,
                    publication.generation,
                    sha256,
                ),
            )

    def written(self, sidecar: Path) -> None:
        """Write down that the intended file is in place, on the disk.

        Raises:
            UnexpectedStateError: nothing was intended under this name.
        """
        with self._store.transaction() as db:
            written = db.execute(
                """
                UPDATE sidecars SET written_sha256 = intended_sha256, intended_sha256 = NULL, kept = 0
                WHERE path = ? AND intended_sha256 IS NOT NULL
                """,
                (os.fsencode(sidecar),),
            )
            if written.rowcount != 1:
                raise UnexpectedStateError("no write of this sidecar was announced", path=sidecar)

    def keep(self, publication: Publication, sidecar: Path, format_name: str) -> None:
        """Write down that the file there is the user's, whether it was there before us or was edited after us.

        Raises:
            UnexpectedStateError: the path holds another content by now.
            SidecarTakenError: another recording that is still there has this sidecar.
        """
        with self._store.transaction() as db:
            _must_hold(db, publication)
            _must_be_free(db, publication, sidecar)
            db.execute(
                """
                INSERT INTO sidecars (path, recording, content_id, format, generation, kept) VALUES (?, ?, ?, ?, ?, 1)
                ON CONFLICT (path) DO UPDATE SET
                    recording = excluded.recording, content_id = excluded.content_id, format = excluded.format,
                    generation = excluded.generation, intended_sha256 = NULL, kept = 1
                """,
                (
                    os.fsencode(sidecar),
                    os.fsencode(publication.path),
                    publication.content_id,
                    format_name,
                    publication.generation,
                ),
            )

    def ask_for(self, content_ids: Iterable[int], formats: Collection[str]) -> None:
        """Have sidecars of these formats made of the stored transcripts, beside every path, all at once.

        From now on they belong to these recordings like those of the configuration. One that a person deleted comes
        back, and beside one that a person edited stands a new one, as after a new transcription. A content whose
        redo is under way gets them with its new result.
        """
        with self._store.transaction() as db:
            for content_id in content_ids:
                for name in formats:
                    db.execute("INSERT OR IGNORE INTO added_formats VALUES (?, ?)", (content_id, name))
                    # As if they were of an earlier transcription: see SidecarRecord.current.
                    db.execute(
                        "UPDATE sidecars SET generation = 0 WHERE content_id = ? AND format = ?", (content_id, name)
                    )
                db.execute("UPDATE paths SET published_ms = NULL WHERE content_id = ?", (content_id,))
                reopen(self._store, content_id)

    def drop(self, sidecar: Path) -> None:
        """Forget a sidecar: its file followed the recording to another place, went with it, or was removed by us."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM sidecars WHERE path = ?", (os.fsencode(sidecar),))


def settle(store: Store, content_id: int) -> None:
    """Call a transcribed content done once its sidecars are out wherever they can be; inside a transaction."""
    if store.state_of(content_id) is not State.TRANSCRIBED:
        return
    row = store.db.execute(
        """
        SELECT
            count(published_ms) AS published,
            count(*) FILTER (WHERE published_ms IS NULL AND error_class IS NULL) AS wanted,
            (SELECT segments FROM results WHERE content_id = :content_id) AS segments
        FROM paths WHERE content_id = :content_id
        """,
        {"content_id": content_id},
    ).fetchone()
    if row["published"] and not row["wanted"]:
        to, reason = (State.DONE, "sidecars are out") if row["segments"] else (State.NO_SPEECH, "nobody speaks in it")
        store.move(content_id, to, reason, expected={State.TRANSCRIBED})


def reopen(store: Store, content_id: int) -> None:
    """Make a done content transcribed again where one of its paths waits for sidecars; inside a transaction."""
    if store.state_of(content_id) not in _PUBLISHED:
        return
    row = store.db.execute(
        "SELECT path FROM paths WHERE content_id = ? AND published_ms IS NULL AND error_class IS NULL", (content_id,)
    ).fetchone()
    if row is not None:
        reason = f"sidecars are wanted for {printable(row['path'])}"
        store.move(content_id, State.TRANSCRIBED, reason, expected=_PUBLISHED)


def _must_hold(db: sqlite3.Connection, publication: Publication) -> None:
    held = db.execute(
        "SELECT 1 FROM paths WHERE path = ? AND content_id = ?",
        (os.fsencode(publication.path), publication.content_id),
    ).fetchone()
    if held is None:
        raise UnexpectedStateError("this path holds another content by now", path=publication.path)


def _must_be_free(db: sqlite3.Connection, publication: Publication, sidecar: Path) -> None:
    taken = db.execute(
        """
        SELECT s.recording FROM sidecars AS s JOIN paths AS p ON p.path = s.recording
        WHERE s.path = ? AND s.recording <> ? AND s.kept = 0
        """,
        (os.fsencode(sidecar), os.fsencode(publication.path)),
    ).fetchone()
    if taken is not None:
        raise SidecarTakenError(f"this name belongs to the recording {printable(taken['recording'])}", path=sidecar)

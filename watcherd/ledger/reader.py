"""The reading side of the ledger: for the command line, for discovery, and for the daemon itself."""

import json
import os
import sqlite3
from collections.abc import Container, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Final, Self

from watcherd.decisions import WindowDecision
from watcherd.ledger.clock import from_ms
from watcherd.ledger.connection import connect_reader, explained
from watcherd.ledger.records import Entry, Event, KnownPath, Result, Sidecar, StatKey, as_path
from watcherd.ledger.roots import span
from watcherd.ledger.schema import NoLedgerError, check_readable
from watcherd.ledger.search import Hit, passages
from watcherd.ledger.states import State
from watcherd.transcript import Transcript

_ENTRIES: Final = """
    SELECT
        p.path, p.state, p.sha256, p.attempts, p.error_class, p.error, p.remedy, p.retry_at_ms, p.published_ms,
        r.duration_ms, r.language, r.language_suspect, r.model_id, r.compute_ms, s.path AS sidecar
    FROM path_states AS p
    LEFT JOIN results AS r ON r.content_id = p.content_id
    LEFT JOIN sidecars AS s
        ON s.recording = p.path AND s.content_id = p.content_id AND s.written_sha256 IS NOT NULL
    WHERE {which}
    ORDER BY p.path, s.path
    """

_ALL: Final = _ENTRIES.format(which="true")
_IN_STATE: Final = _ENTRIES.format(which="p.state = :state")
_OF_PATH: Final = _ENTRIES.format(which="p.path = :path")

_SUPERSEDED: Final = """
    SELECT
        c.last_path AS path, c.state, c.sha256, c.attempts, c.error_class, c.error, c.remedy, c.retry_at_ms,
        NULL AS published_ms, r.duration_ms, r.language, r.language_suspect, r.model_id, r.compute_ms, NULL AS sidecar
    FROM contents AS c LEFT JOIN results AS r ON r.content_id = c.id
    WHERE c.state = 'superseded'
    ORDER BY c.last_path, c.id
    """


class Reader:
    """Questions to the ledger. For one thread: the one that opened it."""

    def __init__(self, db: sqlite3.Connection, database: Path) -> None:
        self._db = db
        self._database = database

    @classmethod
    def open(cls, database: Path) -> Self:
        """A read-only connection of its own, beside a working daemon or without one.

        Raises:
            NoLedgerError: no daemon has made this ledger yet.
            LedgerError: it cannot be read, is damaged, or another version of watcherd wrote it.
        """
        if not _may_exist(database):
            raise NoLedgerError("there is no ledger yet", path=database, remedy="Start the daemon: watcherd run")
        db = connect_reader(database)
        try:
            check_readable(db, database)
        except BaseException:
            db.close()
            raise
        return cls(db, database)

    def close(self) -> None:
        """End the connection; before the daemon's ledger is closed, so that it can leave a single file behind."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_known(self, path: Path, stat_key: StatKey) -> bool:
        """Whether the file is the one that was read under this path, so that it need not be hashed again."""
        row = self._one("SELECT stat_key FROM paths WHERE path = :path", path=os.fsencode(path))
        return row is not None and row["stat_key"] == stat_key.pack()

    def knows_content(self, sha256: bytes) -> bool:
        """Whether the content was ever seen, so that its packet hash is of no interest."""
        return self._one("SELECT 1 FROM contents WHERE sha256 = :sha256", sha256=sha256) is not None

    def path(self, path: Path) -> KnownPath | None:
        """What is known of a path; None where the ledger does not know it."""
        row = self._one("SELECT path, content_id, stat_key FROM paths WHERE path = :path", path=os.fsencode(path))
        return None if row is None else KnownPath.from_row(row)

    def paths_of(self, content_id: int) -> list[KnownPath]:
        """Every path that holds the content, first bound first."""
        query = "SELECT path, content_id, stat_key FROM paths WHERE content_id = :content_id ORDER BY id"
        return [KnownPath.from_row(row) for row in self._all(query, content_id=content_id)]

    def paths_under(self, folder: Path) -> Iterator[KnownPath]:
        """Every path below a folder, by name: what goes when the folder goes."""
        first, last = span(folder)
        query = "SELECT path, content_id, stat_key FROM paths WHERE path >= :first AND path < :last ORDER BY path"
        for row in self._all(query, first=first, last=last):
            yield KnownPath.from_row(row)

    def missing(self, root: Path, seen: Container[bytes]) -> list[Path]:
        """Paths below a root that a complete scan of it has not seen, as candidates to forget.

        Look at each of them again before: a file that arrived during the scan may be known and yet not seen.

        Args:
            root: the folder that was scanned.
            seen: a set of all paths that the scan met, as ``os.fsencode`` writes them.
        """
        first, last = span(root)
        query = "SELECT path FROM paths WHERE path >= :first AND path < :last"
        return [as_path(row["path"]) for row in self._all(query, first=first, last=last) if row["path"] not in seen]

    def sidecars_of(self, recording: Path) -> list[Sidecar]:
        """The files beside a recording that we wrote, are writing, or found to be the user's."""
        query = "SELECT * FROM sidecars WHERE recording = :recording ORDER BY path"
        return [Sidecar.from_row(row) for row in self._all(query, recording=os.fsencode(recording))]

    def sidecar_at(self, path: Path) -> Sidecar | None:
        """Whether this file is ours, whose recording's, and with which hash."""
        row = self._one("SELECT * FROM sidecars WHERE path = :path", path=os.fsencode(path))
        return None if row is None else Sidecar.from_row(row)

    def has_made(self, sha256: bytes) -> bool:
        """Whether a sidecar with these bytes was ever written or announced, wherever."""
        return self._one("SELECT 1 FROM made WHERE sha256 = :sha256", sha256=sha256) is not None

    def left_behind(self, content_id: int) -> list[Sidecar]:
        """Sidecars of the content beside paths that do not hold it any more: they follow it to where it is now."""
        query = """
            SELECT s.* FROM sidecars AS s
            WHERE s.content_id = :content_id
              AND NOT EXISTS (SELECT 1 FROM paths AS p WHERE p.path = s.recording AND p.content_id = s.content_id)
            ORDER BY s.path
            """
        return [Sidecar.from_row(row) for row in self._all(query, content_id=content_id)]

    def result(self, content_id: int) -> Result | None:
        """The stored transcription; during a redo that is the one before."""
        row = self._one("SELECT * FROM results WHERE content_id = :content_id", content_id=content_id)
        if row is None:
            return None
        return Result(
            transcript=Transcript.from_dict(json.loads(row["transcript"])),
            model_id=row["model_id"],
            model_revision=row["model_revision"],
            settings_fingerprint=row["settings_fingerprint"],
            compute_ms=row["compute_ms"],
            windows=tuple(map(WindowDecision.from_dict, json.loads(row["windows"]))),
        )

    def transcribed(self, model: str | None = None) -> list[int]:
        """The contents with a transcript, of this model where one is named, that a path holds; oldest first."""
        query = """
            SELECT r.content_id FROM results AS r
            WHERE (:model IS NULL OR r.model_id = :model)
              AND EXISTS (SELECT 1 FROM paths AS p WHERE p.content_id = r.content_id)
            ORDER BY r.content_id
            """
        return [row["content_id"] for row in self._all(query, model=model)]

    def content_state(self, content_id: int) -> State | None:
        """The state of a content itself, whatever is wrong with its paths; None where there is no such content."""
        row = self._one("SELECT state FROM contents WHERE id = :content_id", content_id=content_id)
        return None if row is None else State(row["state"])

    def added_formats(self, content_id: int) -> list[str]:
        """The formats that somebody asked for beyond those of the configuration, by name."""
        query = "SELECT format FROM added_formats WHERE content_id = :content_id ORDER BY format"
        return [row["format"] for row in self._all(query, content_id=content_id)]

    def search(self, words: Sequence[str], limit: int) -> list[Hit]:
        """Where in the recordings that are there now these words were said, best first; see ``search.expression``.

        Raises:
            LedgerError: this SQLite has no full-text search.
        """
        with explained(self._database):
            return [
                Hit(
                    tuple(known.path for known in self.paths_of(passage.content_id)),
                    passage.start_ms,
                    passage.text,
                    passage.matches,
                )
                for passage in islice(passages(self._db, words), limit)
            ]

    def entries(self, state: State | None = None) -> Iterator[Entry]:
        """Every path with its state, by name, read while it is iterated; or those in one state.

        Superseded contents, which no path holds, are listed only when they are asked for, where they were last.
        """
        if state is State.SUPERSEDED:
            for row in self._all(_SUPERSEDED):
                yield Entry.from_rows([row])
            return
        rows = self._all(_ALL) if state is None else self._all(_IN_STATE, state=state)
        for _, of_path in groupby(rows, key=lambda row: row["path"]):
            yield Entry.from_rows(list(of_path))

    def entry(self, path: Path) -> Entry | None:
        """One path with its state; None where the ledger does not know it."""
        rows = list(self._all(_OF_PATH, path=os.fsencode(path)))
        return Entry.from_rows(rows) if rows else None

    def counts(self) -> dict[State, int]:
        """How many paths are in each state, and how many contents are superseded."""
        query = """
            SELECT state, count(*) AS n FROM path_states GROUP BY state
            UNION ALL
            SELECT state, count(*) FROM contents WHERE state = 'superseded' GROUP BY state
            """
        found = {row["state"]: row["n"] for row in self._all(query)}
        return {state: found.get(state, 0) for state in State}

    def events(self, path: Path) -> list[Event]:
        """The story of the content that the path holds, oldest first; empty where it holds none."""
        query = """
            SELECT e.at_ms, e.from_state, e.to_state, e.reason
            FROM events AS e JOIN paths AS p ON p.content_id = e.content_id
            WHERE p.path = :path ORDER BY e.id
            """
        return [
            Event(
                at=from_ms(row["at_ms"]),
                from_state=None if row["from_state"] is None else State(row["from_state"]),
                to_state=State(row["to_state"]),
                reason=row["reason"],
            )
            for row in self._all(query, path=os.fsencode(path))
        ]

    def _all(self, query: str, **values: str | bytes | int | None) -> Iterator[sqlite3.Row]:
        with explained(self._database):
            yield from self._db.execute(query, values)

    def _one(self, query: str, **values: str | bytes | int | None) -> sqlite3.Row | None:
        with explained(self._database):
            row: sqlite3.Row | None = self._db.execute(query, values).fetchone()
            return row


def _may_exist(database: Path) -> bool:
    try:
        database.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening it tells why
    return True

"""Passages: the pieces of about a minute in which transcripts are searched."""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from watcherd import spaceless

PASSAGE_MS: Final = 60_000
"""Words that are looked for together stand within about this time; and what is shown of a hit is a part of it."""

OVERLAP_WORDS: Final = 12
"""How much of the next passage each one has at its end, so that a phrase across the border is found; longer ones of
which no passage has all are not."""

SEAM: Final = "\x1f"
"""Stands between the characters of scripts without spaces, each of which is a word to the index."""

# Hangul has spaces, but its particles hang on the words: syllable by syllable, a noun is found with any of them.
_HANGUL: Final = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"
_SINGLE: Final = f"[{spaceless.IDEOGRAPHIC}{spaceless.SOUTH_EAST_ASIAN}{_HANGUL}]"
_SEAMS: Final = re.compile(rf"(?<={_SINGLE})(?=\S)|(?<=\S)(?={_SINGLE})")
_UNPRINTABLE: Final = frozenset({"Cc", "Cs"})


def index_form(text: str) -> str:
    r"""A text on one line as the index has it; without its seams it looks like before.

    Control characters and halves of surrogate pairs, which SQLite cannot take, become blanks.

    >>> index_form("die 東京 AG").replace(SEAM, "|")
    'die 東|京 AG'
    """
    clean = "".join(" " if unicodedata.category(character) in _UNPRINTABLE else character for character in text)
    return _SEAMS.sub(SEAM, unicodedata.normalize("NFC", clean))


def passages_of(transcript: str) -> str:
    """The passages of a stored transcript; both as JSON, since this is a function for SQL.

    A passage has the segments that begin within a minute, its own, and after them some of the next passage.
    """
    segments = json.loads(transcript)["segments"]
    return json.dumps([_passage(segments, first, end) for first, end in _borders(segments)], ensure_ascii=False)


def renew(db: sqlite3.Connection, content_id: int) -> None:
    """Bring the passages of a content in line with its result; inside the transaction that stores the result."""
    db.execute("DELETE FROM passages WHERE content_id = ?", (content_id,))
    db.execute(
        """
        INSERT INTO passages (content_id, starts_ms, own_segments, text)
        SELECT r.content_id, p.value ->> 'starts_ms', p.value ->> 'own_segments', p.value ->> 'text'
        FROM results AS r, json_each(passages_of(r.transcript)) AS p WHERE r.content_id = ?
        """,
        (content_id,),
    )


def _borders(segments: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Of each passage its own segments: the first, and the one past the last."""
    firsts: list[int] = []
    for number, segment in enumerate(segments):
        if not firsts or segment["start_ms"] - segments[firsts[-1]]["start_ms"] >= PASSAGE_MS:
            firsts.append(number)
    return pairwise([*firsts, len(segments)])


def _passage(segments: Sequence[Mapping[str, Any]], first: int, end: int) -> dict[str, Any]:
    lines = [index_form(segment["text"]) for segment in segments[first:end]]
    more = OVERLAP_WORDS
    for segment in segments[end:]:
        if more <= 0:
            break
        lines.append(index_form(segment["text"]))
        more -= len(lines[-1].replace(SEAM, " ").split())
    starts_ms = [segment["start_ms"] for segment in segments[first : first + len(lines)]]
    return {"starts_ms": starts_ms, "own_segments": end - first, "text": "\n".join(lines)}

"""Full-text search: what a person types, and what comes of it."""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watcherd.errors import LedgerError
from watcherd.ledger.passages import SEAM, index_form

BEFORE: Final = 60
"""Characters shown before the first word that was found."""
AFTER: Final = 140
"""Characters shown from that word on."""
_RAGGED: Final = 20
"""How many characters more or less are shown so that no word is cut."""

MAX_TERMS: Final = 100
"""FTS5 bounds the size of its expressions; nobody types as many words."""

_OPEN, _CLOSE = "\x02", "\x03"
_TERM: Final = re.compile(r'"([^"]*)"(\*?)|([^\s"]+)')
_WORD_CATEGORIES: Final = frozenset("LMN")

_HITS: Final = """
    SELECT p.content_id, p.starts_ms, p.own_segments, highlight(passages_index, 0, :open, :close) AS marked
    FROM passages_index CROSS JOIN passages AS p ON p.id = passages_index.rowid
    WHERE passages_index MATCH :query AND EXISTS (SELECT 1 FROM paths WHERE content_id = p.content_id)
    ORDER BY passages_index.rank
    """


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a recording where the words were said."""

    paths: tuple[Path, ...]
    """All that hold the recording now, the one that was known first at the beginning."""
    start_ms: int
    """When the segment begins in which the first of the words shown was said."""
    text: str
    """The words in context, on one line."""
    matches: tuple[tuple[int, int], ...]
    """Where in ``text`` the words stand: first character, and the one past the last."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, in the words of the command line's contract."""
        path, *others = map(str, self.paths)
        return {"path": path, "start_s": self.start_ms / 1000, "text": self.text, "also_at": others}


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage in which all of the words were said, as a row of the query."""

    content_id: int
    start_ms: int
    text: str
    matches: tuple[tuple[int, int], ...]


def expression(words: Sequence[str]) -> str | None:
    """What FTS5 is asked for; None where there is no letter or digit to look for.

    All of the words have to be there. A word that has blanks in it, or a part of it in quotes, is a phrase. A star at
    the end stands for any ending. Nothing else has a meaning, so whatever is typed or pasted is a valid question.

    >>> expression(["budget", "next year", 'AND "red tape" transcri*'])
    '"budget" "next year" "AND" "red tape" "transcri" *'
    """
    terms = [
        f'"{text}" *' if is_prefix else f'"{text}"'
        for word in words
        for text, is_prefix in _terms(index_form(word))
        if any(_is_of_word(character) for character in text)
    ]
    return " ".join(terms[:MAX_TERMS]) or None


def passages(db: sqlite3.Connection, words: Sequence[str]) -> Iterator[Passage]:
    """The passages of recordings that are there now, best first by BM25.

    Raises:
        LedgerError: this SQLite has no full-text search.
    """
    require_search(db)
    query = expression(words)
    if query is None:
        return
    for row in db.execute(_HITS, {"query": query, "open": _OPEN, "close": _CLOSE}):
        passage = _passage(row)
        if passage is not None:
            yield passage


def require_search(db: sqlite3.Connection) -> None:
    """Make sure that SQLite was built with FTS5.

    Raises:
        LedgerError: it was not.
    """
    if db.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is None:
        raise LedgerError(
            f"SQLite {sqlite3.sqlite_version}, as this Python has it, was built without full-text search (FTS5)",
            remedy="Use a Python whose SQLite has FTS5, as those of Debian, Ubuntu, Fedora and python.org have",
        )


def _terms(word: str) -> Iterator[tuple[str, bool]]:
    """The phrases of one argument, and whether each may go on."""
    if '"' not in word:
        yield word.rstrip(" *"), word.rstrip().endswith("*")
        return
    for quoted, star, bare in _TERM.findall(word):
        text = quoted or bare
        yield text.rstrip(" *"), bool(star) or text.rstrip().endswith("*")


def _is_of_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in _WORD_CATEGORIES or category == "Co"


def _passage(row: sqlite3.Row) -> Passage | None:
    """What is to be shown; None where all matches are in what the next passage begins with, and are found there."""
    text, matches = _unmarked(row["marked"])
    line_ends = [found.start() for found in re.finditer("\n", text)] + [len(text)]
    own_end = line_ends[row["own_segments"] - 1]
    own = [match for match in matches if match[0] < own_end]
    if not own:
        return None
    # The match from which on most others are near.
    start = max(own, key=lambda match: sum(match[0] <= begin < match[0] + AFTER for begin, _ in matches))[0]
    starts_ms: list[int] = json.loads(row["starts_ms"])
    shown, shown_matches = _context(text.replace("\n", " "), matches, start)
    return Passage(row["content_id"], starts_ms[text.count("\n", 0, start)], shown, shown_matches)


def _unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without seams and marks, and what the marks enclosed."""
    text, matches, begin = "", [], 0
    for part in re.split(f"([{_OPEN}{_CLOSE}])", marked.replace(SEAM, "")):
        if part == _OPEN:
            begin = len(text)
        elif part == _CLOSE:
            matches.append((begin, len(text)))
        else:
            text += part
    return text, matches


def _context(text: str, matches: Sequence[tuple[int, int]], start: int) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The surroundings of the match that begins at ``start``, cut between words where there are some."""
    first, end = max(start - BEFORE, 0), min(start + AFTER, len(text))
    end = max([end, *(match_end for begin, match_end in matches if begin <= start)])
    if first > 0:
        blank = text.find(" ", first, min(first + _RAGGED, start))
        first = blank + 1 if blank >= 0 else first
    if end < len(text):
        blank = text.find(" ", end, end + _RAGGED)
        end = blank if blank >= 0 else end
    before, after = "…" if first > 0 else "", "…" if end < len(text) else ""
    shift = len(before) - first
    shown = tuple((begin + shift, min(last, end) + shift) for begin, last in matches if first <= begin < end)
    return before + text[first:end] + after, shown

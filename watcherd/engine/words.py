"""From the pieces that a tokenizer cuts a text into to words, and from words to phrases."""
# ruff: noqa: RUF001  the marks of many scripts, and some of them look alike

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp
from typing import Final

from watcherd.engine.recognizer import HeardWord, Phrase

PAUSE_S: Final = 0.6
"""A phrase ends where nothing is said for so long: about what a reader hears as the end of a clause."""

_SPACELESS: Final = re.compile(
    "[\u0e00-\u0eff\u0f40-\u0fbc\u1000-\u109f\u1780-\u17d3\u2e80-\u2fdf\u3005-\u3007\u3021-\u303c\u3040-\u312f"
    "\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Tibetan, Myanmar, Khmer, Han and kana are written without spaces; there every piece is a word."""

_MARKS: Final = re.compile(r"[^\w\s]+")
_OPENING: Final = frozenset("\"'“„‘«‹([{¿¡「『（【《〈")
_TRAILING: Final = frozenset("?!;:,.…%»”’›)]}–—")
"""Marks that close what is before them even where a blank stands between, as in French."""

_SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？", "।", "؟", "۔")


@dataclass(frozen=True, slots=True)
class TimedToken:
    """A token of the text, and when it is spoken."""

    ident: int
    start_s: float
    end_s: float
    logprob: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that the tokenizer does not divide: one token, or several that make up one character."""

    text: str
    """With the blanks that belong to it: all pieces joined are the text."""
    start_s: float
    end_s: float
    probability: float


def pieces(tokens: Iterable[TimedToken], spell: Callable[[Sequence[int]], str | None]) -> list[Piece]:
    """Spell the tokens out, together where only several make up a character.

    Args:
        tokens: in order.
        spell: the text of the tokens since the last piece; None, or nothing, while that is not complete.
    """
    found: list[Piece] = []
    waiting: list[TimedToken] = []
    for token in tokens:
        waiting.append(token)
        if text := spell([part.ident for part in waiting]):
            probability = exp(sum(part.logprob for part in waiting) / len(waiting))
            found.append(Piece(text, waiting[0].start_s, token.end_s, probability))
            waiting.clear()
    return found


def words(pieces: Sequence[Piece]) -> tuple[HeardWord, ...]:
    """Group the pieces of a text into words, none of which ends after the next begins; joined, they are the text."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        if groups and not _begins(piece, groups[-1]):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    heard = [_word(group) for group in groups if any(piece.text.strip() for piece in group)]
    cut = [replace(word, end_s=min(word.end_s, following.start_s)) for word, following in pairwise(heard)]
    return (*cut, *heard[-1:])


def phrases(heard: Sequence[HeardWord]) -> tuple[Phrase, ...]:
    """Cut a text into phrases: after the end of a sentence, and at pauses."""
    groups: list[list[HeardWord]] = [[]]
    groups[0].extend(heard[:1])
    for before, word in pairwise(heard):
        if before.text.endswith(_SENTENCE_ENDS) or word.start_s - before.end_s >= PAUSE_S:
            groups.append([])
        groups[-1].append(word)
    return tuple(
        Phrase(group[0].start_s, group[-1].end_s, "".join(word.text for word in group).strip(), tuple(group))
        for group in groups
        if group
    )


def _begins(piece: Piece, before: Sequence[Piece]) -> bool:
    """Whether a word begins with this piece."""
    said = "".join(earlier.text for earlier in before)
    if not said.strip():
        return False
    if _MARKS.fullmatch(piece.text.strip()):
        # Without a blank before them marks stay with the word, except those that open what follows it.
        mark = piece.text.strip()[0]
        return mark not in _TRAILING if piece.text[0].isspace() else mark in _OPENING and _is_spaceless(said[-1])
    if _MARKS.fullmatch(said.strip()) and said.strip()[-1] in _OPENING:
        return False
    return piece.text[0].isspace() or said[-1].isspace() or _is_spaceless(piece.text[0]) or _is_spaceless(said[-1])


def _is_spaceless(character: str) -> bool:
    return _SPACELESS.match(character) is not None


def _word(group: Sequence[Piece]) -> HeardWord:
    # Marks are not spoken: their time is that of the pause beside the word, and they are surer than it.
    spoken = [piece for piece in group if not _MARKS.fullmatch(piece.text.strip() or ".")] or list(group)
    return HeardWord(
        start_s=spoken[0].start_s,
        end_s=max(spoken[0].start_s, spoken[-1].end_s),
        text="".join(piece.text for piece in group),
        probability=sum(piece.probability for piece in spoken) / len(spoken),
    )

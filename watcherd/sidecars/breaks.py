"""How good a place between two words is for the end of a line or of a cue."""

import re
from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Final

from watcherd.sidecars.grammars import COUNTED, GRAMMARS, MAGNITUDES, NO_GRAMMAR, TITLES, Grammar
from watcherd.sidecars.scripts import CLAUSE_ENDS, CLOSERS, IDEOGRAPHIC, OPENERS, SENTENCE_ENDS, SPACELESS


class Break(IntEnum):
    """What it costs to end a line or a cue in this place; the unit is arbitrary, and only comparisons count."""

    SENTENCE = 0
    """After a full stop, a question mark, an exclamation mark."""
    CLAUSE = 10
    """After a comma, a semicolon, a colon, a dash; between two phrases of a language that has no other spaces."""
    BEFORE = 25
    """Before a conjunction or a preposition."""
    PLAIN = 40
    """Between any two words."""
    TIGHT = 80
    """After an article or a preposition, between a number and what it counts."""
    BOUND = 300
    """Inside a name or a number."""
    INSIDE = 800
    """Inside a word."""


_NUMBER: Final = re.compile(r"[^\w\s]*\d[\d.,:/\u2019'-]*")
_SIGN: Final = re.compile(r"[$€£¥§%‰°#№+=<>&*/\u00d7\u00f7\u2212-]+|°[CF]")
_INITIALS: Final = re.compile(r"(?!I\.)(?:[^\W\d_]\.)+")
_ENDS: Final = CLOSERS + CLAUSE_ENDS + SENTENCE_ENDS


def ends_sentence(word: str, following: str = "") -> bool:
    """Whether a sentence ends with this word. ``following`` is the next word, where there is one."""
    bare = word.rstrip(CLOSERS)
    if bare[-1:] not in SENTENCE_ENDS or not bare:
        return False
    if bare[-1] != "." or not following:
        return True
    core = bare.lstrip(OPENERS)
    if _INITIALS.fullmatch(core) or core[:-1].casefold() in TITLES or _is_counted(core, following):
        return False
    return not following.lstrip(OPENERS)[:1].islower()  # "etc. and so on"


def grades(words: Sequence[str], language: str | None) -> list[Break]:
    """What each place between two words costs.

    Args:
        words: as they are written, with their punctuation; none is empty.
        language: ISO 639-1, or None.

    Returns:
        For each word the cost of ending a line or a cue before it; that of the first is ``SENTENCE``.
    """
    grammar = GRAMMARS.get(language or "", NO_GRAMMAR)
    first = [Break.SENTENCE] if words else []
    return first + [_grade(before, after, grammar) for before, after in pairwise(words)]


def grade_inside(before: str, after: str) -> Break:
    """What it costs to break between two pieces of one run of text, ``before`` and ``after``, where no space is.

    Japanese words mostly begin where hiragana ends, so that is a good place; a word in katakana stays whole if it can.
    A number and what it counts are parted only where there is no other place.
    """
    last, first = before[-1], after[0]
    if ends_sentence(before):
        return Break.SENTENCE
    if last in _ENDS or first in OPENERS:
        return Break.CLAUSE
    if last.isdigit():
        return Break.BOUND
    if not (IDEOGRAPHIC.match(last) or IDEOGRAPHIC.match(first)):
        return Break.TIGHT  # Thai and its neighbours: where the words end takes a dictionary
    if _is_hiragana(last) and not _is_hiragana(first):
        return Break.BEFORE
    return Break.TIGHT if _is_katakana(last) and _is_katakana(first) else Break.PLAIN


def _grade(before: str, after: str, grammar: Grammar) -> Break:
    if ends_sentence(before, after):
        return Break.SENTENCE
    if _ends_clause(before):
        return Break.CLAUSE
    if _is_number_pair(before, after) or _is_name_pair(before, after, grammar):
        return Break.BOUND
    word, following = before.lstrip(OPENERS).casefold(), after.lstrip(OPENERS).rstrip(_ENDS).casefold()
    is_article = word in grammar.articles and following not in grammar.leading  # "her book", but "told her that"
    if is_article or word in grammar.leading or _NUMBER.fullmatch(before):
        return Break.TIGHT
    if SPACELESS.match(before[-1]) and SPACELESS.match(after[0]):
        return Break.CLAUSE  # where words are not spaced, phrases are
    return Break.BEFORE if following in grammar.leading else Break.PLAIN


def _ends_clause(word: str) -> bool:
    bare = word.rstrip(CLOSERS)
    return bare != "" and bare[-1] in CLAUSE_ENDS


def _is_number_pair(before: str, after: str) -> bool:
    """Two words that are one number or one quantity: 10 000, 3.5 million, 20 %, € 5, No. 7."""
    if after[0].isdigit():
        return before[-1].isdigit() or _SIGN.fullmatch(before) is not None or _is_counted(before, after)
    if not before[-1].isdigit():
        return False
    return _SIGN.match(after) is not None or after.rstrip(_ENDS).casefold() in MAGNITUDES


def _is_counted(before: str, after: str) -> bool:
    return after[0].isdigit() and before.lstrip(OPENERS).rstrip(".").casefold() in COUNTED


def _is_name_pair(before: str, after: str, grammar: Grammar) -> bool:
    """Two capitalised words: Mr. Smith, J. Smith, New York.

    A name behind the first word of a sentence counts as well: that place is a bad one, too.
    """
    first, second = before.lstrip(OPENERS), after.lstrip(OPENERS)
    if not (first[:1].isupper() and second[:1].isupper()) or before[-1] in CLOSERS:
        return False
    lowered = first.casefold()
    if lowered in grammar.leading or lowered in grammar.articles:
        return False
    return first != "I" and second.rstrip(_ENDS) != "I"


def _is_hiragana(character: str) -> bool:
    return "\u3041" <= character <= "\u309f"


def _is_katakana(character: str) -> bool:
    return "\u30a0" <= character <= "\u30ff" or "\uff66" <= character <= "\uff9f"

"""The names and jargon that a recording is likely to have: as a model is told them, and as it recites them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

LEAST_RECITED: Final = 3
"""Entries of a list, in its order: with fewer than these a list is not recognised."""


def spoken(vocabulary: Sequence[str]) -> str:
    """The text that a model is made to believe that it has just written: OpenAI's way to tell Whisper of spellings.

    A list alone, since it is of no language. Of 24 names in 16 sentences of espeak-ng Whisper base wrote 15 as they
    stood in a list of 12 (1 without), and tiny.en 13 (0); of the other words 34 were wrong (58), and 52 (73). With
    "Glossary:" before it, or in a sentence of their own, they were about as many. In 128 words of people, with none of
    these names, base had 1 wrong with short lists and without, tiny.en 1 (5).

    >>> spoken(["Kowalczyk", "Grafana"])
    ' Kowalczyk, Grafana.'
    """
    return f" {', '.join(vocabulary)}."


def recited(text: str, vocabulary: Sequence[str]) -> tuple[int, ...]:
    """The places in a vocabulary of the entries that a text consists of; none where it says anything else.

    Neither upper case nor punctuation count.

    >>> recited("Grafana, Kowalczyk.", ["Kowalczyk", "Grafana"]), recited("Ask Kowalczyk.", ["Kowalczyk", "Grafana"])
    ((1, 0), ())
    """
    entries = sorted(((_words(entry), place) for place, entry in enumerate(vocabulary)), key=lambda each: -len(each[0]))
    words = _words(text)
    places: list[int] = []
    while words:
        found = next(((entry, place) for entry, place in entries if words[: len(entry)] == entry), None)
        if found is None:
            return ()
        entry, place = found
        places.append(place)
        words = words[len(entry) :]
    return tuple(places)


def is_read_out(places: Sequence[int], vocabulary: Sequence[str]) -> bool:
    """Whether so many entries, in the order of the list, are the list itself: at least half of it, and three."""
    in_order = all(before < after for before, after in pairwise(places))
    return in_order and len(places) >= max(LEAST_RECITED, len(vocabulary) / 2)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())

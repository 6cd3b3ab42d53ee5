"""Where each key stands in the text of a TOML file, which the parsed document does not tell."""

import re

from watcherd.config.complaints import Location

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


def line_numbers(text: str) -> dict[Location, int]:
    """The line of each table and key, from 1; ``text`` is valid TOML.

    The lines are only looked at one by one. A key in an inline table is missing, and a line of a multi-line string that
    looks like a key counts as one unless the real one came first: good enough to point at.
    """
    lines: dict[Location, int] = {}
    tables: dict[Location, int] = {}
    current: Location = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if (header := _HEADER.fullmatch(line.rstrip())) is not None:
            brackets, name = header.groups()
            current = _parts(name)
            if brackets == "[[":
                index = tables.get(current, 0)
                tables[current] = index + 1
                lines.setdefault(current, number)
                current = (*current, index)
            lines.setdefault(current, number)
        elif (key := _KEY.match(line)) is not None:
            parts = _parts(key[1])
            for end in range(1, len(parts) + 1):
                lines.setdefault((*current, *parts[:end]), number)
    return lines


def _parts(dotted: str) -> Location:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))

"""What was said, with its times, for people at a terminal and for programs behind a pipe."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self, TextIO

from watcherd.sidecars.scripts import clusters, is_breakable, width

_BOLD: Final = "\x1b[1m"
_PLAIN: Final = "\x1b[0m"

_NARROWEST: Final = 20
"""Columns for the text: below it, lines broken by the terminal read better."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command prints.

    Attributes:
        stream: where lines go.
        columns: how wide they may get; None: as long as they are, since a program reads them.
        is_bold: whether words can be made bold.
    """

    stream: TextIO
    columns: int | None
    is_bold: bool

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """A terminal, or something else that takes plain lines."""
        if not stream.isatty():
            return cls(stream, columns=None, is_bold=False)
        return cls(stream, shutil.get_terminal_size().columns, is_bold=os.environ.get("TERM", "dumb") != "dumb")

    def print_said(self, time: str, text: str, bold: Sequence[tuple[int, int]] = ()) -> None:
        """A line, or several under each other, with the time before the first.

        Args:
            time: as it is to be shown.
            text: on one line.
            bold: what to emphasise in it, from the first character to the one past the last.
        """
        head = f"  {time}  "
        room = None if self.columns is None else max(self.columns - len(head), _NARROWEST)
        for first, end in lines(text, room):
            print(head + self._emphasised(text, first, end, bold), file=self.stream)
            head = " " * len(head)

    def _emphasised(self, text: str, first: int, end: int, bold: Sequence[tuple[int, int]]) -> str:
        if not self.is_bold:
            return text[first:end]
        here = [(max(begin, first), min(last, end)) for begin, last in bold if begin < end and last > first]
        cuts = [first, *(cut for span in here for cut in span), end]
        parts = [text[begin:last] for begin, last in pairwise(cuts)]
        return "".join(f"{_BOLD}{part}{_PLAIN}" if number % 2 else part for number, part in enumerate(parts))


def lines(text: str, columns: int | None) -> Iterator[tuple[int, int]]:
    """Where each line of a text begins and ends when it is broken at blanks, or, without any, where it can be.

    >>> [("one two 東京です"[first:end]) for first, end in lines("one two 東京です", 8)]
    ['one two', '東京です']
    """
    if columns is None:
        yield 0, len(text)
        return
    first, used, at = 0, 0, 0
    resume: tuple[int, int] | None = None  # the last place to break: end of this line, beginning of the next
    before = ""
    for cluster in clusters(text):
        if cluster.isspace():
            resume = (at, at + len(cluster))
        elif before and not before.isspace() and is_breakable(before, cluster):
            resume = (at, at)
        if used + width(cluster) > columns and not cluster.isspace() and at > first:
            end, following = resume if resume is not None else (at, at)
            yield first, end
            first, used, resume = following, width(text[following:at]), None
        used += width(cluster)
        at += len(cluster)
        before = cluster
    yield first, len(text)

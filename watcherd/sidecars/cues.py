"""Subtitles from a transcript: short texts on one or two lines, each long enough on the screen to be read.

The limits are those of Netflix's timed text style guides, and so are the places where a line may best be broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf
from typing import Final

from watcherd.sidecars.atoms import Atom, atoms
from watcherd.sidecars.breaks import Break
from watcherd.sidecars.scripts import EMBEDDING_WIDTH, RIGHT_TO_LEFT, embedded
from watcherd.transcript import Transcript

SHORTEST_MS: Final = 833
"""Five sixths of a second."""
LONGEST_MS: Final = 7_000
GAP_MS: Final = 83
"""Two frames, at 24 a second: the eye sees that the text has changed."""
LINGER_MS: Final = 500
"""How long a cue stays after its speech."""
PAUSE_MS: Final = 1_000
"""A longer silence ends a cue."""
CHARACTERS_PER_SECOND: Final = 20
"""What can be read; as ``scripts.width`` counts."""

# The costs below are in the unit of ``breaks.Break``.
_CUE: Final = 30
"""Of every cue: several short sentences go into one, if there is no pause between them."""
_HURRY: Final = 100
"""Of a cue of which nothing could be read; in proportion where only a part can."""
_FULL: Final = 20
"""Of a cue that is full; of others by the square of their share, so that neighbours come out about even."""
_PAUSE_GAIN: Final = 0.05
"""What a millisecond of silence takes off the cost of a break."""

_NARROWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """How much a cue may hold."""

    max_line_length: int = 42
    """Characters; a wide one, such as a Chinese or a Korean one, counts two."""
    max_lines: int = 2

    def __post_init__(self) -> None:
        if self.max_line_length < _NARROWEST or self.max_lines < 1:
            raise ValueError(f"a cue needs lines of at least {_NARROWEST} characters, and at least one")


@dataclass(frozen=True, slots=True)
class Cue:
    """A text that appears and disappears as one."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    """At least one, none of them empty."""


def cues(transcript: Transcript, layout: Layout) -> list[Cue]:
    """Make a transcript readable: cues in order, which together hold every word.

    For each cue and the one after it:

    - It has at most ``max_lines`` lines of at most ``max_line_length`` characters. A word is broken only where it is
      longer than a line, and text without spaces where its rules allow.
    - It starts with its speech; later only if the cue before it would otherwise be shown for less than ``GAP_MS``.
    - It ends ``GAP_MS`` or more before the next one starts. So cues never overlap, and their starts ascend.
    - It lasts at most ``LONGEST_MS``. Speech that is longer (a single word, drawn out) goes on without it.
    - It lasts at least ``SHORTEST_MS``, unless the next one starts less than ``SHORTEST_MS + GAP_MS`` after it.
    - It ends at most ``LINGER_MS`` after its speech, or ``SHORTEST_MS`` after its start if that is later; and exactly
      there where the two rules before allow. So it is read at more than ``CHARACTERS_PER_SECOND`` only where people
      speak faster than that.
    - Within a cue nobody pauses for more than ``PAUSE_MS``, and where speakers are told apart, only one of them speaks.
      Of two who speak at a time, one is shown until the other begins.

    Among all that these rules allow, the cues are those whose ends cost least: after a sentence rather than after
    a comma, there rather than between two words, and inside a name or a number only where there is no other place. The
    best of all ways is found by dynamic programming over the words, in time proportional to their number.
    """
    right_to_left = transcript.language in RIGHT_TO_LEFT
    line_room = layout.max_line_length - (EMBEDDING_WIDTH if right_to_left else 0)
    line = _Line(atoms(transcript, line_room), line_room)
    groups = _groups(line, layout.max_lines)
    return [
        Cue(start_ms, end_ms, tuple(map(embedded, lines)) if right_to_left else lines)
        for (start_ms, end_ms), lines in zip(
            _times(line.atoms, groups), (_lines(line, *group) for group in groups), strict=True
        )
    ]


class _Line:
    """All atoms as if they stood on one endless line, so that the room of any stretch is one subtraction."""

    def __init__(self, atoms: Sequence[Atom], line_room: int) -> None:
        self.atoms = atoms
        self.ends = list(accumulate((atom.space + atom.room for atom in atoms), initial=0))
        """Where the first so many atoms end."""
        self.starts = [end + atom.space for end, atom in zip(self.ends, atoms, strict=False)]
        """Where each atom begins."""
        self.fits = self._fits(line_room)
        """For each atom the end (exclusive) of the longest line that begins with it."""
        self.fits_well = self._fits_well()
        """The same for a line that another follows: not inside a name or a number, if there is another place."""

    def room(self, first: int, end: int) -> int:
        """What the atoms from ``first`` up to and without ``end`` take in one line."""
        return self.ends[end] - self.starts[first]

    def text(self, first: int, end: int) -> str:
        """The same atoms as a text."""
        words = self.atoms[first:end]
        return words[0].text + "".join(" " * atom.space + atom.text for atom in words[1:])

    def _fits(self, line_room: int) -> list[int]:
        fits, end = [], 0
        for start in self.starts:
            while end < len(self.atoms) and self.ends[end + 1] - start <= line_room:
                end += 1
            fits.append(end)
        return fits

    def _fits_well(self) -> list[int]:
        good, goods = 0, [0]
        for place, atom in enumerate(self.atoms):
            good = place if atom.cost < Break.BOUND else good
            goods.append(good)
        goods[-1] = len(self.atoms)
        return [goods[end] if goods[end] > first else end for first, end in enumerate(self.fits)]


def _groups(line: _Line, max_lines: int) -> list[tuple[int, int]]:
    """Which atoms make a cue: the cheapest division of them all, as pairs of first and end (exclusive)."""
    atoms, count = line.atoms, len(line.atoms)
    reach = _reach(line, max_lines)
    starts_ms: list[float] = [*(atom.start_ms for atom in atoms), inf]
    ends_ms = [atom.end_ms for atom in atoms]
    costs = [*_costs(atoms), 0.0]
    ends, starts = line.ends, line.starts
    full = _FULL / (max_lines * max(map(line.room, range(count), line.fits), default=1)) ** 2
    read_ms = 1000 / CHARACTERS_PER_SECOND
    best = [0.0] + [inf] * count
    came_from = [0] * (count + 1)
    for first in range(count):
        so_far, start_ms, start = best[first] + _CUE, starts_ms[first], starts[first]
        latest_ms = start_ms + LONGEST_MS
        shortest_ms = start_ms + SHORTEST_MS
        for end in range(first + 1, reach[first] + 1):
            spoken_ms = ends_ms[end - 1]
            if spoken_ms > latest_ms and end > first + 1:
                break
            room = ends[end] - start
            cost = so_far + costs[end] + full * room * room
            out_ms = min(max(spoken_ms + LINGER_MS, shortest_ms), starts_ms[end] - GAP_MS)
            needed_ms = max(room * read_ms, SHORTEST_MS)
            if out_ms < start_ms + needed_ms:
                cost += _HURRY * (1 - (out_ms - start_ms) / needed_ms)
            if cost < best[end]:
                best[end] = cost
                came_from[end] = first
    bounds = [count]
    while bounds[-1]:
        bounds.append(came_from[bounds[-1]])
    return list(pairwise(bounds[::-1]))


def _reach(line: _Line, max_lines: int) -> list[int]:
    """For each atom the end (exclusive) of the longest cue that begins with it: full, or ended by a pause."""
    count = len(line.atoms)
    reach, pause = [0] * count, count
    for first in reversed(range(count)):
        last_line = first
        for _ in range(max_lines - 1):
            last_line = line.fits_well[last_line] if last_line < count else count
        reach[first] = min(pause, line.fits[last_line] if last_line < count else count)
        paused = first and line.atoms[first].start_ms - line.atoms[first - 1].end_ms > PAUSE_MS
        if paused or line.atoms[first].turn:
            pause = first
    return reach


def _costs(atoms: Sequence[Atom]) -> list[float]:
    """What it costs to begin a cue with each atom."""
    gains = [0, *(after.start_ms - before.end_ms for before, after in pairwise(atoms))]
    return [atom.cost - _PAUSE_GAIN * min(gain, PAUSE_MS) for atom, gain in zip(atoms, gains, strict=False)]


def _lines(line: _Line, first: int, end: int) -> tuple[str, ...]:
    """As few lines as possible, about equally long, with good ends."""
    count, last_line = 1, first
    while line.fits[last_line] < end:
        last_line = line.fits_well[last_line]
        count += 1
    bounds = _balanced(line, first, end, count)
    return tuple(line.text(*bound) for bound in pairwise(bounds))


def _balanced(line: _Line, first: int, end: int, count: int) -> list[int]:
    """The bounds of ``count`` lines: the cheapest, by the same kind of search as the cues."""
    target = line.room(first, end) / count
    best: dict[int, tuple[float, list[int]]] = {first: (0.0, [first])}
    for _ in range(count - 1):
        ahead: dict[int, tuple[float, list[int]]] = {}
        for start, (so_far, bounds) in best.items():
            for stop in range(start + 1, min(line.fits[start] + 1, end)):
                cost = so_far + abs(line.room(start, stop) - target) + line.atoms[stop].cost
                if stop not in ahead or cost < ahead[stop][0]:
                    ahead[stop] = (cost, [*bounds, stop])
        best = ahead
    ways = (
        (so_far + abs(line.room(start, end) - target), bounds)
        for start, (so_far, bounds) in best.items()
        if line.fits[start] >= end
    )
    return [*min(ways)[1], end]


def _times(atoms: Sequence[Atom], groups: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """When each cue appears and disappears."""
    starts_ms: list[int] = []
    for first, _ in groups:
        # At the least, the cue before is shown for as long as the gap after it lasts.
        earliest_ms = starts_ms[-1] + 2 * GAP_MS if starts_ms else 0
        starts_ms.append(max(earliest_ms, atoms[first].start_ms))
    times = []
    for number, (start_ms, (_, end)) in enumerate(zip(starts_ms, groups, strict=True)):
        end_ms = max(atoms[end - 1].end_ms + LINGER_MS, start_ms + SHORTEST_MS)
        end_ms = min(end_ms, start_ms + LONGEST_MS)
        if number + 1 < len(starts_ms):
            end_ms = min(end_ms, starts_ms[number + 1] - GAP_MS)
        times.append((start_ms, end_ms))
    return times

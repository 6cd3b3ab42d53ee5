"""A transcript cut into the smallest pieces that a cue can be made of, each with its time and its place in the line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from watcherd.sidecars.breaks import Break, grade_inside, grades
from watcherd.sidecars.scripts import CLAUSE_ENDS, SENTENCE_ENDS, SPACELESS, clusters, glue, is_breakable, width
from watcherd.sidecars.turns import begins_turn
from watcherd.transcript import Segment, Transcript

# White space and control characters; not the no-break spaces, which keep "10 000" together.
_BLANKS: Final = re.compile(r"(?:(?![\u00a0\u2007\u202f])[\s\x00-\x1f\x7f-\x9f])+")

_GOOD_ENDS: Final = re.compile(r".*[-/_.,:;&=?@\u00a0\u2007\u202f]")
"""Where a word that is longer than a line is cut best: behind the last of these."""

SLOWEST_MS: Final = 250
"""A letter of the slowest speech. A segment with so few words that they would take longer has silence at its end."""

_DIGIT_WEIGHT: Final = 3
_SENTENCE_WEIGHT: Final = 4
_CLAUSE_WEIGHT: Final = 2
_WIDE_WEIGHT: Final = 3


@dataclass(frozen=True, slots=True)
class Atom:
    """A word, a piece of a word that is longer than a line, or one character of a language without spaces."""

    text: str
    room: int
    """As ``scripts.width`` counts it, without the space before."""
    space: int
    """1 where a space separates it from the atom before, in the same line; else 0."""
    cost: Break
    """What it costs to begin a line or a cue with it."""
    start_ms: int
    end_ms: int
    """Not before ``start_ms``, not after the start of the next atom."""
    turn: bool = False
    """Somebody else begins to speak with it."""


def plain_words(text: str) -> list[str]:
    """The words of a text, without control characters; never an empty one."""
    return [word for part in _BLANKS.split(text) if (word := part.strip())]


def atoms(transcript: Transcript, line_room: int) -> list[Atom]:
    """Cut a transcript into atoms, in order; no start is before that of the atom before.

    The time of an atom comes from the words of its segment, where these spell the segment's text. Else the segment's
    time is shared out among its characters, at ``SLOWEST_MS`` each or less.

    Args:
        transcript: segments that start in order; where one ends after the start of the next, it is cut off there.
        line_room: no atom takes more than this.
    """
    segments = [(segment, words) for segment in transcript.segments if (words := plain_words(segment.text))]
    costs = iter(grades([word for _, words in segments for word in words], transcript.language))
    spoken = [segment for segment, _ in segments]
    atoms: list[Atom] = []
    for number, (segment, words) in enumerate(segments):
        following = segments[number + 1][0].start_ms if number + 1 < len(segments) else segment.end_ms
        limit_ms = min(segment.end_ms, following) if following > segment.start_ms else segment.end_ms
        clock = _Clock(segment, "".join(words), limit_ms)
        for place, word in enumerate(words):
            cost = next(costs)
            space, after_blank = 1, False
            if place == 0 and atoms:
                cost = min(cost, Break.CLAUSE)  # the model ended a segment here, with or without a comma
                space = len(glue(atoms[-1].text, word))
            for inside, piece in _pieces(word, line_room):
                start_ms, end_ms = clock.next(len(piece))
                if inside is not None:
                    space, cost = int(after_blank or piece[0].isspace()), inside
                after_blank = piece[-1].isspace()
                if text := piece.strip():  # a no-break space, where there is no other place to break
                    turn = begins_turn(spoken, number) and place == 0 and inside is None
                    atoms.append(Atom(text, width(text), space, cost, start_ms, max(start_ms, end_ms), turn))
    return _in_order(atoms)


def _in_order(atoms: Sequence[Atom]) -> list[Atom]:
    """Starts that never go back, and no end after the next start."""
    starts = list(accumulate((atom.start_ms for atom in atoms), max))
    nexts = [*starts[1:], max([starts[-1], atoms[-1].end_ms])] if atoms else []
    return [
        replace(atom, start_ms=start_ms, end_ms=min(max(start_ms, atom.end_ms), next_ms))
        for atom, start_ms, next_ms in zip(atoms, starts, nexts, strict=True)
    ]


def _pieces(word: str, line_room: int) -> Iterator[tuple[Break | None, str]]:
    """A word in pieces that fit into a line; before each, what it costs to break there, or None before the first."""
    before = ""
    for run in _runs(word):
        cost = grade_inside(before, run) if before else None
        for piece in _fitting(run, line_room):
            yield cost, piece
            cost = Break.INSIDE
        before = run


def _runs(word: str) -> Iterator[str]:
    """The word itself, or, where it is written in a script without spaces, all that stands between two good places."""
    if SPACELESS.search(word) is None:
        yield word
        return
    run = ""
    for cluster in clusters(word):
        if run and is_breakable(run, cluster):
            yield run
            run = ""
        run += cluster
    yield run


def _fitting(run: str, line_room: int) -> Iterator[str]:
    while width(run) > line_room:
        fitting = ""
        for cluster in clusters(run):
            if width(fitting) + width(cluster) > line_room:
                break
            fitting += cluster
        if not fitting:  # a heap of combining marks that is wider than a line
            fitting = run[: line_room // 2]
        good = _GOOD_ENDS.match(fitting)
        if good is not None and width(good[0]) > line_room // 2:
            fitting = good[0]
        yield fitting
        run = run[len(fitting) :]
    if run:
        yield run


class _Clock:
    """When each character of a segment is spoken; asked for one stretch after the other.

    Args:
        segment: gives the words or, without them, the whole stretch.
        text: of the segment, without its spaces.
        limit_ms: nothing is spoken later.
    """

    def __init__(self, segment: Segment, text: str, limit_ms: int) -> None:
        start_ms = max(0, segment.start_ms)
        limit_ms = max(start_ms, limit_ms)
        self._weights = list(accumulate(map(_weight, text), initial=0))
        spelled = ["".join(plain_words(word.text)) for word in segment.words]
        if "".join(spelled) == text:
            self._spans = [
                (len(chars), min(max(word.start_ms, start_ms), limit_ms), min(max(word.end_ms, start_ms), limit_ms))
                for chars, word in zip(spelled, segment.words, strict=True)
                if chars
            ]
        else:
            self._spans = [(len(text), start_ms, min(limit_ms, start_ms + self._weights[-1] * SLOWEST_MS))]
        self._at = 0
        self._span = 0
        self._span_start = 0

    def next(self, count: int) -> tuple[int, int]:
        """The start and the end, in milliseconds, of the next ``count`` characters."""
        self._skip_to(self._at + 1)
        start_ms = self._time(self._at)
        self._at += count
        self._skip_to(self._at)
        return start_ms, self._time(self._at)

    def _skip_to(self, character: int) -> None:
        """Go to the span that holds this many characters or more."""
        while self._span_start + self._spans[self._span][0] < character:
            self._span_start += self._spans[self._span][0]
            self._span += 1

    def _time(self, character: int) -> int:
        length, start_ms, end_ms = self._spans[self._span]
        weights = self._weights
        first = weights[self._span_start]
        whole = weights[self._span_start + length] - first
        return start_ms + (weights[character] - first) * max(0, end_ms - start_ms) // whole


def _weight(character: str) -> int:
    """How long a character takes to say, in letters: digits are said as words, after stops one breathes."""
    if character.isalpha():
        return 1 if character < "\u1100" else width(character) * _WIDE_WEIGHT // 2
    if character.isdigit():
        return _DIGIT_WEIGHT
    if character in SENTENCE_ENDS:
        return _SENTENCE_WEIGHT
    return _CLAUSE_WEIGHT if character in CLAUSE_ENDS else 1

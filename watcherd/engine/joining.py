"""Two readings of the same seconds, joined so that no word stands twice and none is lost.

A window that has to end where nobody pauses shares its last seconds with the next one, so that each word there is heard
whole by at least one of them. What both have read is matched as in the merging of a longest common sequence in
transformers' speech pipeline, with the times as a second witness: a run of equal words that lie near each other. The
text before goes to the earlier window and the text behind to the later one, at the word of that run that is nearest to
the middle, where neither hears half a word. Without a common word the middle itself divides them.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

import numpy as np

from watcherd.engine.samples import Span, to_ms
from watcherd.engine.skipping import letters
from watcherd.engine.windows import Window
from watcherd.spaceless import IDEOGRAPHIC, SOUTH_EAST_ASIAN
from watcherd.transcript import Segment, Word

SLACK_MS: Final = 1_000
"""How far outside of the shared seconds a word of theirs may be timed."""

NEAR_MS: Final = 2_000
"""Equal words that are timed further apart are not the same. Without word times, times inside a phrase are guessed."""

NEAR_ALONE_MS: Final = 1_000
"""The same for a run of few letters: another "the" may follow in the next second."""

FEW_LETTERS: Final = 4

_OPENING: Final = "\"'“„‘«‹(\\[{¿¡「『（【《〈"  # noqa: RUF001  marks of many scripts, and some of them look alike
_SPACELESS: Final = f"[{IDEOGRAPHIC}{SOUTH_EAST_ASIAN}]"
_WRITTEN: Final = re.compile(rf"[{_OPENING}]*{_SPACELESS}[^\w\s{_OPENING}]*|(?:(?!{_SPACELESS})\S)+")
"""A word with its marks; in a script without blanks a character with its marks."""


class Readings:
    """What was read in the windows of a recording, in whatever order they are read."""

    def __init__(self) -> None:
        self._segments: dict[tuple[str, int], list[Segment]] = {}
        self._shared: dict[tuple[str, int], Span] = {}
        self._doubtful: dict[tuple[str, int], list[_Doubtful]] = {}

    def add(self, window: Window, segments: Iterable[Segment]) -> None:
        """Take in what was read in a window, or in a part of one."""
        place = window.speaker or "", window.index
        self._segments.setdefault(place, []).extend(segments)
        if window.shared:
            self._shared[place] = window.shared

    def doubt(self, part: Window, segments: Iterable[Segment]) -> None:
        """Take in what was read in a part of a window that is read again: it stands where that does not say more."""
        place = part.speaker or "", part.index
        self._doubtful.setdefault(place, []).append(_Doubtful(part.start_ms, part.end_ms, tuple(segments)))

    def segments(self) -> list[Segment]:
        """All of it, joined where windows share seconds, in the order of its times."""
        read = {place: self._settled(place) for place in self._segments}
        for (side, index), shared in sorted(self._shared.items()):
            here, following = (side, index), (side, index + 1)
            read[here], read[following] = join(read[here], read[following], to_ms(shared.start), to_ms(shared.end))
        return sorted((segment for _, own in sorted(read.items()) for segment in own), key=_order)

    def _settled(self, place: tuple[str, int]) -> list[Segment]:
        """What stands of all readings of a window, in order; of parts within parts the inner ones come first."""
        own = self._segments[place]
        for doubtful in sorted(self._doubtful.get(place, ()), key=lambda each: each.end_ms - each.start_ms):
            again = [segment for segment in own if doubtful.holds(segment)]
            if _said(again) <= _said(doubtful.segments):
                own = [*(segment for segment in own if not doubtful.holds(segment)), *doubtful.segments]
        return sorted(own, key=_order)


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """What was first read in a part that is read again."""

    start_ms: int
    end_ms: int
    segments: tuple[Segment, ...]

    def holds(self, segment: Segment) -> bool:
        return self.start_ms <= (segment.start_ms + segment.end_ms) // 2 < self.end_ms


def _said(segments: Iterable[Segment]) -> int:
    return sum(letters(segment.text) for segment in segments)


def join(
    earlier: Sequence[Segment], later: Sequence[Segment], start_ms: int, end_ms: int
) -> tuple[list[Segment], list[Segment]]:
    """Divide what two windows have read in the seconds that they share.

    Args:
        earlier: what was read in the window that ends with these seconds, in order.
        later: what was read in the window that starts with them, in order.
        start_ms: where they start in the recording.
        end_ms: where they end.

    Returns:
        Both without what the other one keeps. Nothing in the first ends after something in the second starts.
    """
    ours, theirs = _places(earlier), _places(later)
    before = list(takewhile(lambda place: place.end_ms > start_ms - SLACK_MS, reversed(ours)))[::-1]
    behind = list(takewhile(lambda place: place.start_ms < end_ms + SLACK_MS, theirs))
    if before and behind:  # else one of them was not believed, or says nothing there
        kept, known = _divide(before, behind, (start_ms + end_ms) // 2)
        earlier = _until(earlier, ours[len(ours) - len(before) + kept :])
        later = _from(later, theirs[known:])
    return _apart(earlier, later)


@dataclass(frozen=True, slots=True)
class _Place:
    """A word in the text of a segment: where it stands, and when it is said."""

    segment: int
    start: int
    plain: str
    """Its letters and digits, in one case; empty where a text has nothing but marks."""
    start_ms: int
    end_ms: int

    @property
    def middle_ms(self) -> int:
        return (self.start_ms + self.end_ms) // 2


def _divide(before: Sequence[_Place], behind: Sequence[_Place], middle_ms: int) -> tuple[int, int]:
    """How many words the earlier window keeps, and how many the later one leaves to it."""
    if run := _common_run(before, behind):
        place, word = min(run, key=lambda pair: abs(before[pair[0]].middle_ms - middle_ms))
        # The window that hears more around the word writes it: its marks are right, and it is not capital by mistake.
        own = before[place].middle_ms <= middle_ms
        return place + own, word + own
    # Neither side has read all of these seconds, it may be.
    cut_ms = min(max(middle_ms, behind[0].start_ms), before[-1].end_ms)
    return sum(place.middle_ms <= cut_ms for place in before), sum(place.middle_ms < cut_ms for place in behind)


def _common_run(before: Sequence[_Place], behind: Sequence[_Place]) -> list[tuple[int, int]]:
    """The pairs of the run of equal words that is long in letters and close in time; none where no run convinces."""
    best: list[tuple[int, int]] = []
    best_weight = 0.0
    runs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for place, ours in enumerate(before):
        for word, theirs in enumerate(behind):
            distance_ms = abs(ours.middle_ms - theirs.middle_ms)
            if not ours.plain or ours.plain != theirs.plain or distance_ms > NEAR_MS:
                continue
            run = runs[place, word] = [*runs.get((place - 1, word - 1), ()), (place, word)]
            letters = sum(len(before[index].plain) for index, _ in run)
            weight = letters * (1 - distance_ms / NEAR_MS / 2)
            if weight > best_weight and (letters > FEW_LETTERS or distance_ms <= NEAR_ALONE_MS):
                best, best_weight = run, weight
    return best


def _places(segments: Sequence[Segment]) -> list[_Place]:
    return [place for index, segment in enumerate(segments) for place in _places_of(index, segment)]


def _places_of(index: int, segment: Segment) -> list[_Place]:
    words: list[tuple[int, int, str]] = []
    for written in _WRITTEN.finditer(segment.text):
        start, plain = written.start(), _plain(written[0])
        if words and not (plain and words[-1][2]):  # marks that stand alone go with the word at their side
            start, _, other = words.pop()
            plain = other + plain
        words.append((start, written.end(), plain))
    clock = _clock(segment)
    return [_Place(index, start, plain, _time_ms(clock, start), _time_ms(clock, end)) for start, end, plain in words]


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


_Clock = tuple[list[int], list[int]]


def _time_ms(clock: _Clock, offset: int) -> int:
    return round(float(np.interp(offset, *clock)))


def _clock(segment: Segment) -> _Clock:
    """Places in the text, and when they are said: the edges of its words, or of it all where these have no times."""
    if not segment.words:
        return [0, len(segment.text)], [segment.start_ms, segment.end_ms]
    edges = list(zip(_word_starts(segment), segment.words, strict=True))
    return (
        [offset for start, word in edges for offset in (start, start + len(word.text))],
        [time_ms for _, word in edges for time_ms in (word.start_ms, word.end_ms)],
    )


def _word_starts(segment: Segment) -> list[int]:
    starts: list[int] = []
    position = 0
    for word in segment.words:
        starts.append(segment.text.index(word.text, position))
        position = starts[-1] + len(word.text)
    return starts


def _until(segments: Sequence[Segment], dropped: Sequence[_Place]) -> list[Segment]:
    """What is before the first of the dropped words."""
    if not dropped:
        return list(segments)
    cut = dropped[0]
    return [*segments[: cut.segment], *_part(segments[cut.segment], 0, cut.start)]


def _from(segments: Sequence[Segment], kept: Sequence[_Place]) -> list[Segment]:
    """The first of the kept words and all that follows."""
    if not kept:
        return []
    cut = kept[0]
    whole = segments[cut.segment]
    return [*_part(whole, cut.start, len(whole.text)), *segments[cut.segment + 1 :]]


def _part(segment: Segment, start: int, end: int) -> list[Segment]:
    """The text between two of its places, with its times and words; nothing where that is empty."""
    text = segment.text[start:end].strip()
    if not text:
        return []
    start = segment.text.index(text, start)
    end = start + len(text)
    clock = _clock(segment)
    start_ms = segment.start_ms if start == 0 else _time_ms(clock, start)
    end_ms = segment.end_ms if end == len(segment.text) else _time_ms(clock, end)
    words: list[Word] = []
    for first, word in zip(_word_starts(segment), segment.words, strict=True):
        own = Span(first, first + len(word.text)).common(Span(start, end))
        if own and own.length == len(word.text):
            words.append(word)
        elif own and (part := segment.text[own.start : own.end].strip()):  # of a script without blanks
            words.append(replace(word, start_ms=_time_ms(clock, own.start), end_ms=_time_ms(clock, own.end), text=part))
    return [replace(segment, start_ms=start_ms, end_ms=end_ms, text=text, words=tuple(words))]


def _apart(earlier: Sequence[Segment], later: Sequence[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Where one says that its last word ends after the other's first begins, both are half right."""
    if not earlier or not later:
        return list(earlier), list(later)
    end_ms = max(segment.end_ms for segment in earlier)
    start_ms = min(segment.start_ms for segment in later)  # what is left of a segment may start after the next one
    if end_ms <= start_ms:
        return list(earlier), list(later)
    border_ms = (start_ms + end_ms) // 2
    return [_within(segment, 0, border_ms) for segment in earlier], [
        _within(segment, border_ms, max(border_ms, segment.end_ms)) for segment in later
    ]


def _within(timed: Segment, first_ms: int, last_ms: int) -> Segment:
    def clip(time_ms: int) -> int:
        return min(max(time_ms, first_ms), last_ms)

    words = (replace(word, start_ms=clip(word.start_ms), end_ms=clip(word.end_ms)) for word in timed.words)
    return replace(timed, start_ms=clip(timed.start_ms), end_ms=clip(timed.end_ms), words=tuple(words))


def _order(segment: Segment) -> tuple[int, int, str]:
    return segment.start_ms, segment.end_ms, segment.speaker or ""

"""A window: up to 29.5 s of a recording's speech in pieces, and the way from its times back to the recording's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from watcherd.engine.samples import SAMPLES_PER_S, Samples, Span, to_ms
from watcherd.transcript import Speaker

FAR: Final = 2 * SAMPLES_PER_S
"""A phrase does not reach across a pause that long; it belongs to the side where more of it lies."""

EDGE: Final = SAMPLES_PER_S // 5
"""How far a model's timestamps are off the edge of speech that they mean. A phrase is stretched by no more, and less
speech than this under a phrase is not its own, so of two phrases that meet near an edge only one goes up to it."""

MAIN_PART: Final = 0.5
"""A stretch of speech that holds less than this of what the fullest one holds of a word is a neighbour's."""

MIDDLE: Final = 0.25
"""A window is halved at its longest pause that leaves each side this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What the model reads at once. Its own times are seconds from its start, as if its pieces followed each other."""

    index: int
    """Counts the windows of a recording from 0; parts of a window have the window's."""
    pieces: tuple[Span, ...]
    """Where its audio lies in the recording, in order, without overlap."""
    speech: tuple[Span, ...]
    """Where speech was found in the recording; each stretch lies within one piece."""
    samples: Samples
    """The audio of all pieces, one after another."""
    speaker: Speaker | None = None
    """Which side of a call it is of; None where the sides are mixed."""
    shared: Span | None = None
    """The end of it that the next window reads, too, as nobody pauses there; parts of a window keep the window's."""

    @property
    def duration_s(self) -> float:
        """Of its audio, not of the stretch of the recording that it covers."""
        return len(self.samples) / SAMPLES_PER_S

    @property
    def start_ms(self) -> int:
        """Where it starts in the recording."""
        return to_ms(self.pieces[0].start)

    @property
    def end_ms(self) -> int:
        """Where it ends in the recording."""
        return to_ms(self.pieces[-1].end)

    @property
    def speech_s(self) -> float:
        """How much of it is speech."""
        return sum(span.length for span in self.speech) / SAMPLES_PER_S

    @property
    def own_speech_s(self) -> float:
        """How much of it is speech that the next window does not read, too."""
        if self.shared is None:
            return self.speech_s
        own = Span(0, self.shared.start)
        return sum(common.length for span in self.speech if (common := span.common(own))) / SAMPLES_PER_S

    def speech_within_s(self, start_s: float, end_s: float) -> float:
        """How much speech lies between two of its times, in seconds."""
        under = Span(self._sample(start_s), self._sample(end_s))
        common = (span.common(under) for span, _ in self._heard())
        return sum(span.length for span in common if span) / SAMPLES_PER_S

    def to_source_ms(self, time_s: float) -> int:
        """Where one of its times lies in the recording; where two pieces meet, at the start of the second."""
        return to_ms(self._source(self._sample(time_s)))

    def clip(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Where a phrase lies in the recording, in milliseconds, snapped to the edges of the speech under it."""
        under = Span(self._sample(start_s), max(self._sample(start_s), self._sample(end_s)))
        parts = self._in_source(under)
        if not parts:
            moment_ms = self.to_source_ms(start_s)
            return moment_ms, moment_ms
        placed = self._snapped(max(_neighbours(parts), key=lambda group: sum(part.length for part in group)))
        return to_ms(placed.start), to_ms(placed.end)

    def place(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Where a word lies in the recording, in milliseconds: within one piece, without the pauses at its ends.

        Words that follow each other do so in the recording, too.
        """
        under = Span(self._sample(start_s), self._sample(end_s))
        parts = self._in_source(under)
        if not parts:
            moment_ms = self.to_source_ms(start_s)
            return moment_ms, moment_ms
        lies = max(parts, key=lambda part: part.length)
        spoken = [common for span in self.speech if (common := span.common(lies))]
        least = MAIN_PART * max((part.length for part in spoken), default=0)
        own = [part for part in spoken if part.length >= least] or [lies]
        return to_ms(own[0].start), to_ms(own[-1].end)

    def tail(self, from_s: float) -> "Window | None":
        """The rest of it from one of its times on, or None if there is none."""
        start = self._sample(from_s)
        return self._part(start, len(self.samples)) if start < len(self.samples) else None

    def between(self, start_s: float, end_s: float) -> "Window | None":
        """What lies between two of its times, or None if there is nothing."""
        start, end = self._sample(start_s), self._sample(end_s)
        return self._part(start, end) if start < end else None

    def halves(self) -> tuple["Window", "Window"]:
        """Its two sides, cut at the longest pause near the middle, or in the middle where nobody pauses."""
        heard = self._heard()
        room = len(self.samples) * MIDDLE
        pauses = [
            (next_in_source.start - in_source.end, (here.end + there.start) // 2)
            for (here, in_source), (there, next_in_source) in pairwise(heard)
        ]
        cuts = [(length, cut) for length, cut in pauses if room <= cut <= len(self.samples) - room]
        _, cut = max(cuts, default=(0, len(self.samples) // 2))
        return self._part(0, cut), self._part(cut, len(self.samples))

    def laid_out(self) -> Iterator[tuple[Span, int]]:
        """Each piece in the window's own samples, and what to subtract to get the recording's."""
        position = 0
        for piece in self.pieces:
            yield Span(position, position + piece.length), position - piece.start
            position += piece.length

    def _sample(self, time_s: float) -> int:
        return min(max(0, round(time_s * SAMPLES_PER_S)), len(self.samples))

    def _in_source(self, under: Span) -> list[Span]:
        """Where a stretch of its own samples lies in the recording, a part for each piece."""
        return [
            Span(common.start - offset, common.end - offset)
            for piece, offset in self.laid_out()
            if (common := piece.common(under))
        ]

    def _heard(self) -> list[tuple[Span, Span]]:
        """Each stretch of speech in the window's own samples and in the recording's."""
        return [
            (Span(common.start + offset, common.end + offset), common)
            for (_, offset), piece in zip(self.laid_out(), self.pieces, strict=True)
            for span in self.speech
            if (common := span.common(piece))
        ]

    def _source(self, sample: int) -> int:
        for piece, offset in self.laid_out():
            if sample < piece.end:
                return sample - offset
        return self.pieces[-1].end

    def _snapped(self, group: list[Span]) -> Span:
        """The phrase without the silence at its ends, and with the edges of speech that it misses by a little."""
        start, end = group[0].start, group[-1].end
        own = [span for span in self.speech if (common := span.common(Span(start, end))) and common.length > EDGE]
        if not own:
            return Span(start, end)
        first, last = own[0].start, own[-1].end
        return Span(
            first if first >= start - EDGE else start,
            last if last <= end + EDGE else end,
        )

    def _part(self, start: int, end: int) -> "Window":
        under = Span(start, end)
        pieces = tuple(self._in_source(under))
        speech = tuple(common for piece in pieces for span in self.speech if (common := span.common(piece)))
        samples = np.ascontiguousarray(self.samples[start:end])
        return replace(self, pieces=pieces, speech=speech, samples=samples)


def _neighbours(parts: list[Span]) -> list[list[Span]]:
    """Parts of the recording in groups that no long pause divides."""
    groups = [[parts[0]]]
    for part in parts[1:]:
        if part.start - groups[-1][-1].end > FAR:
            groups.append([])
        groups[-1].append(part)
    return groups

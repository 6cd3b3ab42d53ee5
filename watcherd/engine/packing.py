"""Speech packed into few, full windows: each costs the model a pass over 30 s, however little is in it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from watcherd.engine.samples import SAMPLES_PER_S, Samples, Span
from watcherd.engine.windows import Window
from watcherd.transcript import Speaker

MAX_WINDOW: Final = 29 * SAMPLES_PER_S + SAMPLES_PER_S // 2
"""Nearly all of the model's 30 s; the rest is for the silence at the end by which it knows that nobody goes on."""

KEPT_PAUSE: Final = 6 * SAMPLES_PER_S // 10
"""Longer pauses are cut out but for PAD at either side; the model is told nothing by silence.

Windows of 29.5 s and pauses of 0.6 s are a tenth fewer than windows of 28 s and pauses of 1 s, and as good: of 9,843
words in English, Spanish, French, Italian and Russian, Whisper base got 947 wrong instead of 948 (beam search, int8).
"""

PAD: Final = KEPT_PAUSE // 2

FULL_ENOUGH: Final = 0.9
"""A full window is cut at the longest pause after this share of it. On 81 minutes of English and Spanish Whisper base
made fewer errors than with 0.5 (WER 2.9 against 3.2 %, and 9.9 against 10.4 %), in a sixth fewer windows."""

OVERLAP: Final = 3 * SAMPLES_PER_S
"""What the next window reads again where nobody pauses at the end of one; see ``joining``. On 12 minutes of read
English without pauses, cut in the middle of sentences, it brought Whisper base from 3.6 to 2.8 % WER, and from eight
words too many to none."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A stretch of speech with half of the pauses around it: what a window consists of."""

    span: Span
    speech: tuple[Span, ...]
    """In it; several where it begins with the end of the window before."""
    samples: Samples


class Packer:
    """Takes the audio and the speech in it as they become known; gives a window as soon as its end is decided.

    A window that has to end where nobody pauses shares its end with the next one; all others have nothing in common.
    The boundaries depend on the speech alone, not on how it is handed over. Audio is held only for the window that is
    being filled and for what may still be found to be speech.
    """

    def __init__(self, speaker: Speaker | None = None) -> None:
        """Start a recording, or one side of it."""
        self._speaker = speaker
        self._audio = _Audio()
        self._open: Span | None = None
        self._unit_start = 0
        self._units: list[_Unit] = []
        self._windows = 0

    def push(self, samples: Samples, speech: Iterable[Span], known_until: int) -> list[Window]:
        """Take in what has become known.

        Args:
            samples: the recording's next.
            speech: stretches that have ended since, in order, each short enough to fit a window with its pads, and
                where it starts with the end of the one before, with an overlap.
            known_until: no further stretch starts before this sample.
        """
        self._audio.append(samples)
        windows = [window for span in speech for window in self._add(span)]
        if self._open is not None and known_until - self._open.end > KEPT_PAUSE:
            windows += self._close(self._open.end + PAD)
        self._audio.forget(known_until - PAD if self._open is None else self._unit_start)
        return windows

    def flush(self, speech: Iterable[Span]) -> list[Window]:
        """The remaining windows, after the end of the recording."""
        windows = [window for span in speech for window in self._add(span)]
        if self._open is not None:
            windows += self._close(min(self._open.end + PAD, self._audio.end))
        if self._units:
            windows.append(self._pack(len(self._units)))
        return windows

    def _add(self, speech: Span) -> list[Window]:
        windows: list[Window] = []
        start = max(0, speech.start - PAD)
        if self._open is not None:
            before = self._open.end
            if speech.start - before <= KEPT_PAUSE:
                start = (before + speech.start) // 2
                windows = self._close(start)
            else:
                windows = self._close(before + PAD)
        self._open, self._unit_start = speech, start
        return windows

    def _close(self, end: int) -> list[Window]:
        """The open stretch of speech is complete up to ``end``."""
        assert self._open is not None  # noqa: S101  for the type checker; every caller has looked
        span = Span(self._unit_start, end)
        self._units.append(_Unit(span, (self._open,), self._audio.take(span)))
        self._open = None
        windows = []
        while sum(unit.span.length for unit in self._units) > MAX_WINDOW:
            windows.append(self._pack(self._best_cut()))
        return windows

    def _best_cut(self) -> int:
        """How many units to take from the front: as many as fit, cut back to the longest pause near their end."""
        ends = np.cumsum([unit.span.length for unit in self._units])
        fitting = max(1, int(np.searchsorted(ends, MAX_WINDOW, side="right")))
        return max(
            (count for count in range(1, fitting + 1) if ends[count - 1] >= FULL_ENOUGH * ends[fitting - 1]),
            key=lambda count: (_pause(self._units[count - 1], self._units[count]), count),
        )

    def _pack(self, count: int) -> Window:
        units, self._units = self._units[:count], self._units[count:]
        pieces = [units[0].span]
        for unit in units[1:]:
            if unit.span.start == pieces[-1].end:
                pieces[-1] = Span(pieces[-1].start, unit.span.end)
            else:
                pieces.append(unit.span)
        samples = np.concatenate([unit.samples for unit in units])
        speech = tuple(span for unit in units for span in unit.speech)
        window = Window(self._windows, tuple(pieces), speech, samples, self._speaker)
        self._windows += 1
        if not self._units or _pause(units[-1], self._units[0]) > 0:
            return window
        shared = Span(max(pieces[-1].start, pieces[-1].end - OVERLAP), pieces[-1].end)
        self._units[0] = _widened(self._units[0], window, shared)
        return replace(window, shared=shared)


def _pause(before: _Unit, after: _Unit) -> int:
    return after.speech[0].start - before.speech[-1].end


def _widened(unit: _Unit, window: Window, shared: Span) -> _Unit:
    """The unit that follows a window, with the end of the window before it."""
    speech = tuple(common for span in window.speech if (common := span.common(shared)))
    samples = np.concatenate([window.samples[-shared.length :], unit.samples])
    return _Unit(Span(shared.start, unit.span.end), speech + unit.speech, samples)


class _Audio:
    """The end of the recording that is still needed."""

    def __init__(self) -> None:
        self._start = 0
        self._samples: Samples = np.empty(0, np.float32)

    @property
    def end(self) -> int:
        return self._start + len(self._samples)

    def append(self, samples: Samples) -> None:
        self._samples = np.concatenate([self._samples, samples])

    def take(self, span: Span) -> Samples:
        return self._samples[span.start - self._start : span.end - self._start].copy()

    def forget(self, before: int) -> None:
        if before > self._start:
            self._samples = self._samples[before - self._start :].copy()
            self._start = before

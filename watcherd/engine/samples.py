"""Audio as numbers: 16 kHz mono samples, and stretches of a recording counted in them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio at 16 kHz in [-1, 1], shape [samples]."""

SAMPLES_PER_S: Final = 16_000
SAMPLES_PER_MS: Final = SAMPLES_PER_S // 1000

FRAME: Final = 512
"""32 ms: what voice activity is told for."""


def to_ms(samples: int) -> int:
    """A count of samples as milliseconds, rounded down."""
    return samples // SAMPLES_PER_MS


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a recording, in samples from its start; the end is the first sample after it."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many samples it has."""
        return self.end - self.start

    def common(self, other: "Span") -> "Span | None":
        """What both cover, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

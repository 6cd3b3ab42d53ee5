"""What is read of a recording that is not finished yet, so that it can go on there after an interruption."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Partial:
    """Readings of windows, as the engine writes them; to everybody else they are sealed."""

    language: str | None = None
    """What the recording is read as; None while that is not known."""
    readings: Mapping[bytes, str] = field(default_factory=dict)
    """By the window's key of 16 bytes: its place, its audio, its language and the vocabulary."""

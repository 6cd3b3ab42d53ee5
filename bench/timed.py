"""What every contender's transcript is brought to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timed:
    """A stretch of a transcript."""

    start_s: float
    end_s: float
    text: str

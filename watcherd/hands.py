"""How many recordings the engine has at a time, so that a short one never waits for long ones to end.

The engine serves the windows of all recordings in its hands in turn. What can keep a memo waiting is not the model,
then, but that all hands are full of recordings which take hours. So the long ones have hands of their own: they fill
the batches while nothing else is to do, and take their turn beside the short ones when there is, which is why they do
not starve. A short one waits for short ones alone, and those are through within minutes.

How long a recording is becomes known when the engine has opened it. One that turns out to be long while the long ones'
hands are full is taken back and waits for one of these, in the order in which it was found. Its windows are kept, so
being taken back costs no more than decoding its beginning again.
"""

from collections.abc import Mapping
from typing import Final

LONG_MS: Final = 5 * 60 * 1000
"""From here on a recording is long: 12 windows, or one batch and a half on a CPU."""

LONG_HANDS: Final = 2
"""Two, so that the decoder of one works ahead while the other is opened; more would only take memory, 30 MB of windows
each and an ffmpeg."""

SHORT_HANDS: Final = 4
"""Recordings that are not known to be long: enough to fill a batch with memos."""


class Hands:
    """Which recordings are known to be long, by their contents' ids."""

    def __init__(self) -> None:
        self._long: set[int] = set()

    def learn(self, content_id: int, duration_ms: int) -> None:
        """Take note of how long a recording is."""
        if duration_ms >= LONG_MS:
            self._long.add(content_id)

    def forget(self, content_id: int) -> None:
        """It is done, or failed."""
        self._long.discard(content_id)

    def has_room(self, in_hand: Mapping[int, int]) -> bool:
        """Whether a recording of unknown length may be taken; ``in_hand`` has the contents' ids by job."""
        return sum(content_id not in self._long for content_id in in_hand.values()) < SHORT_HANDS

    def passed_over(self, in_hand: Mapping[int, int]) -> frozenset[int]:
        """The contents that are not to be taken now, although their turn may have come."""
        return frozenset(self._long) if len(self._long_jobs(in_hand)) >= LONG_HANDS else frozenset()

    def too_many(self, in_hand: Mapping[int, int]) -> list[int]:
        """The jobs to take back: the long ones that came last."""
        return self._long_jobs(in_hand)[LONG_HANDS:]

    def _long_jobs(self, in_hand: Mapping[int, int]) -> list[int]:
        return sorted(job for job, content_id in in_hand.items() if content_id in self._long)

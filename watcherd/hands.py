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

LONG_ON_CPU: Final = 2
"""Two, so that the decoder of one works ahead while the other is opened; more would only take memory, 45 MB of windows
each and an ffmpeg, and let the first one wait for all."""

SHORT_ON_CPU: Final = 4
"""Recordings that are not known to be long: enough to fill a batch with memos."""

MOST_LONG: Final = 8
MOST_SHORT: Final = 32
"""However many processors there are."""


class Hands:
    """How many recordings may be in hand, and which are known to be long, by their contents' ids.

    Attributes:
        most_long: how many long ones may be in hand.
        most_short: how many that are not known to be long.
    """

    def __init__(self) -> None:
        self._long: set[int] = set()
        self.most_long, self.most_short = LONG_ON_CPU, SHORT_ON_CPU

    def suit(self, *, on_gpu: bool, processors: int) -> None:
        """Have as many hands as the model's device and the daemon's processors ask for.

        A GPU reads faster than a decoder gives: ffmpeg and the voice activity go through an hour in about 12 s of one
        processor, and opening a memo costs a fifth of a second. With the model on a GPU the processors are there for
        the decoders, and there are hands enough to keep all of them busy.
        """
        self.most_long, self.most_short = LONG_ON_CPU, SHORT_ON_CPU
        if on_gpu:
            self.most_long = min(max(self.most_long, processors // 2), MOST_LONG)
            self.most_short = min(max(self.most_short, 2 * processors), MOST_SHORT)

    def learn(self, content_id: int, duration_ms: int) -> None:
        """Take note of how long a recording is."""
        if duration_ms >= LONG_MS:
            self._long.add(content_id)

    def forget(self, content_id: int) -> None:
        """It is done, or failed."""
        self._long.discard(content_id)

    def has_room(self, in_hand: Mapping[int, int]) -> bool:
        """Whether a recording of unknown length may be taken; ``in_hand`` has the contents' ids by job."""
        return sum(content_id not in self._long for content_id in in_hand.values()) < self.most_short

    def passed_over(self, in_hand: Mapping[int, int]) -> frozenset[int]:
        """The contents that are not to be taken now, although their turn may have come."""
        return frozenset(self._long) if len(self._long_jobs(in_hand)) >= self.most_long else frozenset()

    def too_many(self, in_hand: Mapping[int, int]) -> list[int]:
        """The jobs to take back: the long ones that came last."""
        return self._long_jobs(in_hand)[self.most_long :]

    def _long_jobs(self, in_hand: Mapping[int, int]) -> list[int]:
        return sorted(job for job, content_id in in_hand.items() if content_id in self._long)

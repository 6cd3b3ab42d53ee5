"""A fair queue of windows over all recordings that are in hand."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

WindowT = TypeVar("WindowT")


class FairQueue(Generic[WindowT]):
    """Windows of several recordings, handed out in turn, so that a memo does not wait behind a ten-hour recording.

    Decoder threads put, the recognizing loop takes. Each recording may have ``depth`` windows waiting; a decoder that
    is further ahead waits, which bounds the memory however long the recording is.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: OrderedDict[int, deque[WindowT]] = OrderedDict()
        self._fed: set[int] = set()
        """The recordings whose decoders are at work."""
        self._changed = threading.Condition()

    def open(self, job: int) -> None:
        """Let a recording take part."""
        with self._changed:
            self._waiting[job] = deque()
            self._fed.add(job)

    def feed(self, job: int, *, on: bool) -> None:
        """Say whether a recording's decoder is at work, as it is from the start; nobody waits for one that is not."""
        with self._changed:
            if on and job in self._waiting:
                self._fed.add(job)
            else:
                self._fed.discard(job)
            self._changed.notify_all()

    def close(self, job: int) -> None:
        """Forget a recording and its windows; a decoder that waits to put one gets False."""
        with self._changed:
            self._waiting.pop(job, None)
            self._fed.discard(job)
            self._changed.notify_all()

    def put(self, job: int, window: WindowT) -> bool:
        """Add the recording's next window, waiting for room; False once the recording is closed."""
        with self._changed:
            self._changed.wait_for(lambda: job not in self._waiting or len(self._waiting[job]) < self._depth)
            if job not in self._waiting:
                return False
            self._waiting[job].append(window)
            self._changed.notify_all()
            return True

    def put_back(self, job: int, windows: Iterable[WindowT]) -> None:
        """Put parts of a window that has been taken before in front of the recording's others; never waits."""
        with self._changed:
            if job in self._waiting:
                self._waiting[job].extendleft(reversed(list(windows)))

    def waiting(self) -> bool:
        """True when there is a window to take."""
        with self._changed:
            return any(self._waiting.values())

    def fill(self, count: int, at_most_s: float) -> None:
        """Wait until so many windows can be taken, or no decoder has any to add, but not for longer than that."""
        with self._changed:
            self._changed.wait_for(lambda: self._has(count) or not self._awaited(), at_most_s)

    def _has(self, count: int) -> bool:
        return sum(map(len, self._waiting.values())) >= count

    def _awaited(self) -> bool:
        return any(len(self._waiting[job]) < self._depth for job in self._fed)

    def take(self, most: int) -> list[tuple[int, WindowT]]:
        """Up to ``most`` windows, one of each recording in turn; the first recording served goes to the end."""
        taken: list[tuple[int, WindowT]] = []
        with self._changed:
            while len(taken) < most:
                job = next((job for job, windows in self._waiting.items() if windows), None)
                if job is None:
                    break
                taken.append((job, self._waiting[job].popleft()))
                self._waiting.move_to_end(job)
            if taken:
                self._changed.notify_all()
        return taken

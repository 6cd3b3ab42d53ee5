"""Ends of windows that the model has not read, and that are left to the next window, as it shares them."""

from watcherd.decisions import Decision
from watcherd.engine.gates import Verdict
from watcherd.engine.packing import OVERLAP
from watcherd.engine.samples import SAMPLES_PER_S
from watcherd.engine.windows import Window

_Place = tuple[str, int]


class SharedTails:
    """Holds each until the next window is read, and gives it back where that one says nothing there.

    What is given back depends on the readings alone, not on which of two windows is read first.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Place, Window] = {}
        self._unread: dict[_Place, bool] = {}

    def leave(self, tail: Window) -> list[Window]:
        """Take in a tail that lies in what its window shares; returns it where it is known to be needed."""
        following = tail.speaker or "", tail.index + 1
        if following not in self._unread:
            self._waiting[following] = tail
        return [tail] if self._unread.get(following) else []

    def hear(self, window: Window, verdict: Verdict) -> list[Window]:
        """Take in the first reading of a whole window; returns the tail before it where that is needed."""
        place = window.speaker or "", window.index
        starts_s = verdict.phrases[0].start_s if verdict.phrases else window.duration_s
        self._unread[place] = verdict.decision is not Decision.KEPT or starts_s * SAMPLES_PER_S >= OVERLAP
        tail = self._waiting.pop(place, None)
        return [tail] if tail and self._unread[place] else []

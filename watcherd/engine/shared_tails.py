"""Ends of windows that the model has not read, and that are left to the next window, as it shares them."""

from typing import Generic, TypeVar

from watcherd.decisions import Decision
from watcherd.engine.gates import Verdict
from watcherd.engine.packing import OVERLAP
from watcherd.engine.samples import SAMPLES_PER_S
from watcherd.engine.windows import Window

_Place = tuple[str, int]

TaskT = TypeVar("TaskT")


class SharedTails(Generic[TaskT]):
    """Holds the task of reading each until the next window is read; gives it back where that one says nothing there.

    What is given back depends on the readings alone, not on which of two windows is read first.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Place, TaskT] = {}
        self._unread: dict[_Place, bool] = {}

    def leave(self, tail: Window, task: TaskT) -> list[TaskT]:
        """Take in a tail that lies in what its window shares; returns its task where that is known to be needed."""
        following = tail.speaker or "", tail.index + 1
        if following not in self._unread:
            self._waiting[following] = task
        return [task] if self._unread.get(following) else []

    def hear(self, window: Window, verdict: Verdict) -> list[TaskT]:
        """Take in the first reading of a whole window; returns the task of the tail before it where that is needed."""
        place = window.speaker or "", window.index
        starts_s = verdict.phrases[0].start_s if verdict.phrases else window.duration_s
        self._unread[place] = verdict.decision is not Decision.KEPT or starts_s * SAMPLES_PER_S >= OVERLAP
        task = self._waiting.pop(place, None)
        return [task] if task and self._unread[place] else []

"""The pause: nothing is begun and the engine is gone, until a person says so or the time is over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from watcherd.engine.supervisor import Supervisor
from watcherd.ledger.pausing import Pausing
from watcherd.service.events import Event, log


class Switch:
    """Turns the work off and on.

    Whoever pauses wants the GPU or the processor now. So the engine ends at once and gives its memory back, and what
    it had in hand goes back to the queue, where it costs no attempt. Folders are watched all the same, and transcripts
    that are finished are still published.

    Args:
        pausing: remembers the pause, also for the next start.
        supervisor: of the engine.
        release: takes back what the engine has in hand, for the reason given.
        heeded: whether a pause stops this run. One that is only to do what is there was asked for by somebody who knows
            of the pause.
    """

    def __init__(
        self, pausing: Pausing, supervisor: Supervisor, release: Callable[[str], None], *, heeded: bool = True
    ) -> None:
        self._pausing = pausing
        self._supervisor = supervisor
        self._release = release
        self._heeded = heeded
        self._pause = pausing.current()

    @property
    def paused(self) -> bool:
        """Whether nothing may be begun."""
        return self._pause is not None and self._heeded

    @property
    def until(self) -> datetime | None:
        """When the present pause ends by itself; None where it does not, or where there is none."""
        return self._pause.until if self._pause is not None else None

    def tell(self) -> None:
        """Remind of a pause that an earlier run was given: nobody may be left wondering why nothing happens."""
        if self._pause is not None:
            log(Event.PAUSED, until=self._pause.until)

    def pause(self, now: datetime, length: timedelta | None) -> None:
        """Pause for so long, or until ``resume``. The memory of the engine's device is free when this returns."""
        self._pause = self._pausing.begin(None if length is None else now + length)
        self._release("the work was paused")
        self._supervisor.stop()
        log(Event.PAUSED, until=self._pause.until)

    def resume(self) -> bool:
        """Go on; whether there was a pause."""
        self._pause = None
        if not self._pausing.end():
            return False
        log(Event.RESUMED)
        return True

    def step(self, now: datetime) -> None:
        """End a pause whose time is over."""
        if self.until is not None and now >= self.until:
            self.resume()

    def over_in_s(self, now: datetime) -> float | None:
        """Seconds until the pause ends by itself; None where it does not."""
        return None if self.until is None else (self.until - now).total_seconds()

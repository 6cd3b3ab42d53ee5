"""What the service manager is told of the daemon, and when."""

import time
from datetime import UTC, datetime
from typing import Final

from watcherd.engine.supervisor import EngineState, Supervisor
from watcherd.ledger.reader import Reader
from watcherd.pause import Switch
from watcherd.roots import Roots
from watcherd.service.events import Event, log
from watcherd.service.notify import Notifier, status_sentence
from watcherd.service.spoken import moment
from watcherd.work import Work

TELL_S: Final = 1.0
"""How often the service manager is told at most: counting takes its time when thousands of files arrive at once."""

LOADING_S: Final = 60.0
"""What systemd is asked for, again and again, while a model loads: the largest take minutes from a slow disk."""


class Telling:
    """READY when folders, ledger and model are there, a sentence from then on, and that the daemon is alive.

    Attributes:
        ready: whether the start is complete.
    """

    def __init__(self, roots: Roots, read: Reader, work: Work, supervisor: Supervisor, switch: Switch) -> None:
        self.ready = False
        self._roots = roots
        self._read = read
        self._work = work
        self._supervisor = supervisor
        self._switch = switch
        self._notifier = Notifier()
        self._tell_at = 0.0
        self._untold = False

    def step(self, now: float, *, watched: bool) -> None:
        """Tell what there is to tell, if it is time.

        Args:
            now: monotonic, in seconds.
            watched: every folder was looked for, and is watched where it is there.
        """
        has_engine = self._supervisor.state is EngineState.LOADED or self._switch.paused
        becomes_ready = not self.ready and watched and has_engine
        self._untold = now < self._tell_at and not becomes_ready
        if self._untold:
            return
        self._tell_at = now + TELL_S
        sentence = self._sentence(now)
        if becomes_ready:
            self.ready = True
            self._notifier.ready(sentence)
            log(Event.READY)
        elif self.ready:
            self._notifier.status(sentence)
            if not self._supervisor.stuck:
                self._notifier.watchdog()
        else:
            self._notifier.extend_timeout(LOADING_S)
            self._notifier.status(sentence)

    def next_s(self, now: float) -> float | None:
        """Seconds until ``step`` is due again; None where nobody waits to be told."""
        # What there is now would else not be told before something else happens.
        dues = (self._tell_at - now if self._untold else None, self._notifier.watchdog_interval_s)
        return min((due for due in dues if due is not None), default=None)

    def at_once(self) -> None:
        """Tell how things stand without waiting for the next step."""
        self._notifier.status(self._sentence(time.monotonic()))

    def reloading(self) -> None:
        """A new configuration is being read."""
        if self.ready:
            self._notifier.reloading()

    def reloaded(self) -> None:
        """That is over, whatever came of it."""
        if self.ready:  # else the start is still under way, and its end is told when it is there
            self._notifier.ready(self._sentence(time.monotonic()))

    def stopping(self, why: str) -> None:
        """The daemon is about to end."""
        self._notifier.stopping(f"stopping: {why}")

    def _sentence(self, now: float) -> str:
        working = [hand.working(now) for hand in self._work.in_hand.values()]
        loading = self._roots.settings.model.id if self._supervisor.state is EngineState.LOADING else None
        paused = None
        if self._switch.paused:
            until = self._switch.until
            paused = "paused" if until is None else f"paused until {moment(until, datetime.now(UTC))}"
        return status_sentence(self._read.counts(), working, loading=loading, paused=paused)

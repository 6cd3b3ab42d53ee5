"""What the service manager is told: ready, what is going on, still alive, about to end."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from pathlib import Path
from typing import Final

from watcherd.ledger.states import State
from watcherd.names import printable
from watcherd.service.spoken import duration

_log = logging.getLogger(__name__)

MICROSECONDS: Final = 1_000_000
MINUTE_S: Final = 60


class Notifier:
    """Messages to systemd, by sd_notify(3); they go nowhere where no service manager asked for them.

    A message that cannot be delivered never ends the work: it is logged for whoever looks for a fault.

    Attributes:
        watchdog_interval_s: how often to call ``watchdog``, half of the time that systemd waits for it; None where
            systemd does not wait.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._send = _binding() if environ.get("NOTIFY_SOCKET") else None
        self._told = ""
        self.watchdog_interval_s = _watchdog_interval_s(environ) if self._send is not None else None

    def ready(self, sentence: str) -> None:
        """The start, or a reload, is complete. The watchdog runs from now on."""
        self._tell("READY=1", self._status(sentence))

    def status(self, sentence: str) -> None:
        """Show a sentence in ``systemctl status``; the same one is not sent twice."""
        if printable(sentence) != self._told:
            self._tell(self._status(sentence))

    def watchdog(self) -> None:
        """The main loop is alive, and the engine too."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """A new configuration is being read; ``ready`` tells the end of it, whatever came of it."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self, sentence: str) -> None:
        """The daemon is about to end."""
        self._tell("STOPPING=1", self._status(sentence))

    def extend_timeout(self, seconds: float) -> None:
        """The start or the stop is alive and may take so long from now on, whatever the unit says.

        Not for the time between: a running service that sends this is given a time to end by.
        """
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * MICROSECONDS)}")

    def _status(self, sentence: str) -> str:
        self._told = printable(sentence)  # one line of UTF-8: a file's name must not speak to systemd
        return f"STATUS={self._told}"

    def _tell(self, *assignments: str) -> None:
        if self._send is None:
            return
        try:
            self._send("\n".join(assignments))
        except OSError as error:
            _log.debug("systemd could not be told %s: %s", assignments[0], error)


@dataclass(frozen=True, slots=True)
class Working:
    """A recording that is being transcribed."""

    path: Path
    progress: float
    """0..1."""
    eta_s: float | None
    """Seconds until it is done; None where nothing is known yet."""


def status_sentence(
    counts: Mapping[State, int], working: Sequence[Working], *, loading: str | None = None, paused: str | None = None
) -> str:
    """What ``systemctl status`` shows: what is being done, or how things stand.

    Of several recordings in work, the one is named that is done next.

    Args:
        counts: how many recordings are in which state.
        working: those in work.
        loading: the model that is being loaded now, if one is.
        paused: "paused", with the time until when, where nothing is begun.

    >>> memo = Working(Path("/srv/sync/memo.m4a"), 0.43, 340.0)
    >>> status_sentence({State.RUNNING: 1, State.PENDING: 6}, [memo])
    '1 of 7: memo.m4a 43 %, 6 min left'
    >>> status_sentence({State.DONE: 812, State.FAILED: 3}, [])
    'idle; 812 done, 3 failed'
    """
    waiting = sum(counts.get(state, 0) for state in _OPEN)
    if paused is not None:
        return paused + (f"; {waiting} waiting" if waiting else "")
    if loading is not None:
        return f"loading the model {loading}" + (f"; {waiting} waiting" if waiting else "")
    if working:
        next_done = min(working, key=lambda one: (inf if one.eta_s is None else one.eta_s, -one.progress))
        # What has just been taken in hand may not be counted as such yet.
        return f"{len(working)} of {max(waiting, len(working))}: {_progress(next_done)}"
    outcomes = ", ".join(f"{counts[state]} {name}" for state, name in _OUTCOMES.items() if counts.get(state))
    return f"{f'{waiting} waiting' if waiting else 'idle'}; {outcomes or 'nothing done yet'}"


_OPEN: Final = (State.PENDING, State.RUNNING, State.TRANSCRIBED, State.RETRY)

_OUTCOMES: Final = {
    State.DONE: "done",
    State.NO_SPEECH: "without speech",
    State.BLOCKED: "blocked",
    State.FAILED: "failed",
}


def _progress(one: Working) -> str:
    left = "" if one.eta_s is None else f", {_left(one.eta_s)} left"
    return f"{printable(one.path.name)} {floor(one.progress * 100)} %{left}"


def _left(seconds: float) -> str:
    # Whole minutes: the sentence is there to be read, not to be watched.
    return "under a minute" if seconds < MINUTE_S else duration(ceil(seconds / MINUTE_S) * MINUTE_S)


def _binding() -> Callable[[str], object] | None:
    # Not at the top: it is an optional part.
    try:
        import systemd.daemon  # noqa: PLC0415
    except ImportError:
        _log.warning("the service manager waits for word from watcherd, but systemd-python is not installed")
        return None
    notify: Callable[[str], object] = systemd.daemon.notify
    return notify


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Half of what the unit's WatchdogSec= says, as sd_watchdog_enabled(3) advises."""
    limit_us = environ.get("WATCHDOG_USEC", "")
    meant_for = environ.get("WATCHDOG_PID", str(os.getpid()))
    if not limit_us.isdecimal() or int(limit_us) == 0 or meant_for != str(os.getpid()):
        return None
    return int(limit_us) / MICROSECONDS / 2

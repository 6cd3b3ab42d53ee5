"""Keeps the engine in the state that the work asks for: loaded while there is any, given back when there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from watcherd.engine.client import EngineEvent, EngineExited
from watcherd.engine.messages import FromEngine, LoadModel, ModelFailed, ModelLoaded, ToEngine
from watcherd.errors import WatcherdError

FIRST_RESTART_WAIT_S: Final = 1.0
LONGEST_RESTART_WAIT_S: Final = 300.0

STALL_BASE_S: Final = 60.0
CPU_WINDOW_S: Final = 120.0
GPU_WINDOW_S: Final = 10.0
"""An engine is heard of after every batch. One that takes longer than this for each of its windows is stuck: the
default model needs 10 s for a window on two cores, and a busy machine may take several times that."""


class EngineState(StrEnum):
    """What there is of the engine."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    LOADED = "loaded"


@dataclass(frozen=True, slots=True)
class EngineDied:
    """The engine ended without being told to."""

    how: str
    """ "was killed by SIGKILL", "exited with status 1"."""
    was_loaded: bool
    """False where it did not get as far as a loaded model."""


@dataclass(frozen=True, slots=True)
class LoadingFailed:
    """The model cannot be loaded now; the next attempt waits."""

    error: WatcherdError


EngineNews = FromEngine | EngineDied | LoadingFailed


class Client(Protocol):
    """What is needed of ``EngineClient``; see there."""

    load: LoadModel

    @property
    def running(self) -> bool:
        """True from the start of the process until its end was asked for or noted."""

    @property
    def generation(self) -> int:
        """Counts the starts."""

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""

    def start(self) -> None:
        """Start the process and have it load the model."""

    def stop(self) -> None:
        """End the process and wait for it."""

    def kill(self) -> None:
        """End a stuck process at once."""

    def reap(self, exited: EngineExited, /) -> None:
        """Note that the process has ended by itself."""

    def send(self, message: ToEngine) -> None:
        """Hand over a message."""


class Supervisor:
    """Starts, restarts and unloads the engine. All times are seconds of one monotonic clock, given as ``now``.

    Attributes:
        idle_unload_s: seconds without work until the engine is given back; None for never.
        stall_timeout_s: seconds of silence after which a loaded engine hangs; None goes by the length of its batches.
        model: what is loaded, or was the last time something was.
    """

    def __init__(
        self, client: Client, *, idle_unload_s: float | None = None, stall_timeout_s: float | None = None
    ) -> None:
        self._client = client
        self.idle_unload_s = idle_unload_s
        self.stall_timeout_s = stall_timeout_s
        self._loaded = False
        self._failed_loads = 0
        self._start_after = 0.0
        self._busy_until = 0.0
        self._heard_at = 0.0
        self._killed = False
        self.model: ModelLoaded | None = None

    @property
    def state(self) -> EngineState:
        """What there is of the engine now."""
        if not self._client.running:
            return EngineState.UNLOADED
        return EngineState.LOADED if self._loaded else EngineState.LOADING

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._client.pid

    def want(self, now: float) -> bool:
        """There is work: True when the engine can take it, else it is started, as soon as it may be."""
        self._busy_until = now
        if not self._client.running and now >= self._start_after:
            self._client.start()
        return self.state is EngineState.LOADED and not self._killed

    def send(self, message: ToEngine) -> None:
        """Hand a message to the engine."""
        self._client.send(message)

    def heard(self, event: EngineEvent, now: float) -> EngineNews | None:
        """Take note of an event; what the daemon should know of it is returned, nothing where it is stale."""
        if event.generation != self._client.generation:
            return None
        if isinstance(event, EngineExited):
            return self._exited(event, now)
        if not self._client.running:
            return None  # said before it was told to end
        self._busy_until = self._heard_at = now
        if isinstance(event.message, ModelLoaded):
            self.model = event.message
            self._loaded = True
            self._failed_loads = 0
        elif isinstance(event.message, ModelFailed):
            self._client.stop()
            self._wait_longer(now)
            return LoadingFailed(event.message.error)
        return event.message

    def step(self, now: float, *, busy: bool) -> bool:
        """Unload an engine that has been idle for long enough; True when that happened just now."""
        if busy:
            self._busy_until = now
        due = self.unload_due()
        if due is None or now < due:
            return False
        self.stop()
        return True

    def stall_due(self) -> float | None:
        """When a loaded engine will have been silent for longer than any batch may take; None where there is none."""
        if self.state is not EngineState.LOADED or self.model is None or self._killed:
            return None
        if self.stall_timeout_s is not None:
            return self._heard_at + self.stall_timeout_s
        per_window_s = CPU_WINDOW_S if self.model.device == "cpu" else GPU_WINDOW_S
        return self._heard_at + STALL_BASE_S + per_window_s * self.model.batch_size

    def stalled_s(self, now: float) -> float | None:
        """For how long a loaded engine has been silent, where that is longer than any batch may take; else None."""
        due = self.stall_due()
        return None if due is None or now < due else now - self._heard_at

    @property
    def stuck(self) -> bool:
        """Whether an engine was killed and is still there: a driver holds it, and only the machine can help."""
        return self._killed

    def kill(self) -> None:
        """End a stalled engine; that it died is heard like any other death."""
        self._killed = True
        self._client.kill()

    def change(self, load: LoadModel) -> None:
        """Work with another model from now on; the present one is unloaded."""
        self.stop()
        self._client.load = load
        self._failed_loads = 0

    def unload_due(self) -> float | None:
        """When the engine will have been idle for long enough; None while there is none, or it may stay."""
        if self.idle_unload_s is None or not self._loaded or not self._client.running:
            return None
        return self._busy_until + self.idle_unload_s

    def start_due(self) -> float | None:
        """When the engine may be started again after failing; None where nothing has to wait."""
        return self._start_after if not self._client.running and self._failed_loads else None

    def stop(self) -> None:
        """End the engine; the memory of its device is free when this returns."""
        self._client.stop()
        self._loaded = self._killed = False

    def _exited(self, event: EngineExited, now: float) -> EngineDied | None:
        was_loaded, self._loaded, self._killed = self._loaded, False, False
        if event.expected:
            return None
        self._client.reap(event)
        if not was_loaded:
            self._wait_longer(now)
        return EngineDied(event.how, was_loaded)

    def _wait_longer(self, now: float) -> None:
        wait = min(FIRST_RESTART_WAIT_S * 2**self._failed_loads, LONGEST_RESTART_WAIT_S)
        self._failed_loads += 1
        self._start_after = now + wait

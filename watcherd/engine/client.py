"""The daemon's side of the engine: start the process, feed it, hear it, end it."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from watcherd.config import ModelSettings
from watcherd.engine.messages import FromEngine, LoadModel, Shutdown, ToEngine

COMMAND: Sequence[str] = (sys.executable, "-m", "watcherd.engine.process")
"""What is started, with the number of its end of the socket pair as the last argument."""

TERM_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class EngineExited:
    """The engine's process has ended and its last message has been delivered."""

    generation: int
    """Which start of the engine this was, from 1."""
    returncode: int
    """As in ``subprocess``: negative is the signal that ended it."""
    expected: bool
    """True where the daemon ended it."""

    @property
    def how(self) -> str:
        """For people: "was killed by SIGKILL", "exited with status 1"."""
        if self.returncode < 0:
            try:
                name = signal.Signals(-self.returncode).name
            except ValueError:
                name = f"signal {-self.returncode}"
            return f"was killed by {name}"
        return f"exited with status {self.returncode}"


@dataclass(frozen=True, slots=True)
class EngineSaid:
    """A message of the engine, with the start of the engine that it belongs to."""

    generation: int
    message: FromEngine


EngineEvent = EngineSaid | EngineExited


class EngineClient:
    """One engine process at a time, with its model resident.

    Events arrive through ``emit``, which is called on a thread of the client's own; everything else is for one thread.
    The process is a fresh interpreter: the parent never imports torch, and a crash, an out-of-memory kill or a wedged
    GPU call takes down the child alone. The child ends by itself when the socket closes, so it cannot outlive us.

    Attributes:
        load: what the next start of the engine is told to load.
    """

    def __init__(self, load: LoadModel, emit: Callable[[EngineEvent], None]) -> None:
        self.load = load
        self._emit = emit
        self._generation = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[ToEngine, FromEngine] | None = None
        self._reader: threading.Thread | None = None
        self._ending = threading.Event()

    @property
    def running(self) -> bool:
        """True from ``start`` until the process was told to end or its exit was handled by ``reap``."""
        return self._process is not None

    @property
    def generation(self) -> int:
        """Counts the starts; events of earlier ones are stale."""
        return self._generation

    @property
    def pid(self) -> int | None:
        """The engine's process id while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process and tell it to load the model. Returns at once; ModelLoaded or ModelFailed follows."""
        if self._process is not None:
            raise RuntimeError("the engine is running already")
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*COMMAND, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # whatever a library prints must not mix with what a command prints
                env=_engine_environment(),
                pass_fds=[theirs.fileno()],
            )
        self._generation += 1
        self._ending = threading.Event()
        self._connection = Connection(ours.detach())
        self._reader = threading.Thread(
            target=self._listen,
            args=(self._generation, self._connection, self._process, self._ending),
            name=f"engine-{self._generation}",
            daemon=True,
        )
        self._reader.start()
        self.send(self.load)

    def send(self, message: ToEngine) -> None:
        """Hand a message to the engine; a dead engine's silence is reported by its EngineExited, not here."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.send(message)

    def stop(self, grace_s: float = TERM_GRACE_S) -> None:
        """End the process and wait for it: politely, after ``grace_s`` seconds by SIGKILL."""
        process = self._process
        if process is None:
            return
        self._ending.set()
        self.send(Shutdown())
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._forget()

    def kill(self) -> None:
        """End a stuck process at once; its EngineExited follows as for a crash."""
        if self._process is not None:
            self._process.kill()

    def reap(self, exited: EngineExited) -> None:
        """Take note of an EngineExited, so that ``start`` may be called again."""
        if exited.generation == self._generation:
            self._forget()

    def _forget(self) -> None:
        if self._reader is not None:
            self._reader.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = self._reader = None

    def _listen(
        self,
        generation: int,
        connection: "Connection[ToEngine, FromEngine]",
        process: subprocess.Popen[bytes],
        ending: threading.Event,
    ) -> None:
        while True:
            try:
                message = connection.recv()
            except (EOFError, OSError):
                break
            self._emit(EngineSaid(generation, message))
        returncode = process.wait()
        self._emit(EngineExited(generation, returncode, expected=ending.is_set()))


def load_order(model: ModelSettings, languages: Mapping[str, str]) -> LoadModel:
    """What the engine is told to load, and which languages will be asked of it; see ``LoadModel``."""
    return LoadModel(model.id, model.device, model.dtype, model.batch_size, model.decoding, model.word_times, languages)


def _engine_environment() -> dict[str, str]:
    """What the engine's libraries are told before they start."""
    # PyTorch's threads wait for each other thousands of times in a window. By spinning for a millisecond, as they do
    # unless told otherwise, they take the time from those that are waited for on a machine that has other work, too;
    # by sleeping at once they are woken too late, and the work takes nearly twice as long on a machine that has none.
    # So they spin for some ten microseconds: of ten minutes on two processors 10 s, where sleeping took 17 and
    # spinning 8; of four minutes beside two busy programs 10 s, where sleeping took 8 and spinning 12.
    return {
        "GOMP_SPINCOUNT": "3000",
        # numpy is only used beside the model, for voice activity; its own threads would spin there.
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **os.environ,
    }

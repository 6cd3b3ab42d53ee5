"""Transcribing single files without the ledger: the engine's work and nothing of the daemon's memory."""

import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.engine.client import EngineClient, EngineEvent
from watcherd.engine.messages import Failed, Finished, LoadModel, ModelLoaded, Progress, Transcribe
from watcherd.engine.supervisor import EngineDied, LoadingFailed, Supervisor
from watcherd.errors import PoisonError, WatcherdError
from watcherd.transcript import Transcript

MAX_DEATHS: Final = 3
"""How often one file may end the engine."""

_PULSE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    path: Path
    transcript: Transcript | None
    error: WatcherdError | None
    """Set where there is no transcript."""
    compute_s: float


Told = Callable[[ModelLoaded | Progress], None]


def transcribe(paths: Sequence[Path], load: LoadModel, language: str, told: Told) -> Iterator[Outcome]:
    """Transcribe one file after the other and give out each as it is done.

    Args:
        paths: the recordings.
        load: which model, and where.
        language: an ISO 639-1 code, or "auto".
        told: hears of the loaded model and of progress.

    Raises:
        WatcherdError: the model cannot be had.
    """
    events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
    supervisor = Supervisor(EngineClient(load, events.put), idle_unload_s=None)
    try:
        for job, path in enumerate(paths):
            yield _transcribe_one(supervisor, events, Transcribe(job, Path(os.path.abspath(path)), language), told)  # noqa: PTH100  resolve() would follow symlinks
    finally:
        supervisor.stop()


def _transcribe_one(
    supervisor: Supervisor, events: "queue.SimpleQueue[EngineEvent]", order: Transcribe, told: Told
) -> Outcome:
    deaths = 0
    if supervisor.want(time.monotonic()):
        supervisor.send(order)
    while True:
        try:
            news = supervisor.heard(events.get(timeout=_PULSE_S), time.monotonic())
        except queue.Empty:
            supervisor.want(time.monotonic())
            continue
        match news:
            case ModelLoaded():
                told(news)
                supervisor.send(order)
            case LoadingFailed(error=error):
                raise error
            case Progress(job=order.job):
                told(news)
            case Finished(job=order.job):
                return Outcome(order.path, news.transcript, None, news.compute_s)
            case Failed(job=order.job):
                return Outcome(order.path, None, news.error, 0.0)
            case EngineDied(how=how):
                deaths += 1
                if deaths == MAX_DEATHS:
                    poison = PoisonError(f"the engine {how} every one of the {deaths} times that it had this file")
                    return Outcome(order.path, None, poison, 0.0)
                supervisor.want(time.monotonic())

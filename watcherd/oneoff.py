"""Transcribing single files without the ledger: the engine's work and nothing of the daemon's memory."""

import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.engine.client import EngineClient, EngineEvent
from watcherd.engine.messages import (
    Channels,
    Failed,
    Finished,
    LoadModel,
    ModelLoaded,
    Progress,
    Transcribe,
    VocabularyCut,
)
from watcherd.engine.supervisor import EngineDied, EngineNews, LoadingFailed, Supervisor
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


Told = Callable[[ModelLoaded | Progress | VocabularyCut], None]


def transcribe(
    paths: Sequence[Path],
    load: LoadModel,
    language: str,
    told: Told,
    *,
    channels: Channels = "mix",
    vocabulary: tuple[str, ...] = (),
) -> Iterator[Outcome]:
    """Transcribe one file after the other and give out each as it is done.

    Args:
        paths: the recordings.
        load: which model, and where.
        language: an ISO 639-1 code, or "auto".
        told: hears of the loaded model, of progress and of what is left out of the vocabulary.
        channels: whether the two channels of a recording are mixed or taken apart.
        vocabulary: names and jargon, as they are to be spelled.

    Raises:
        WatcherdError: the model cannot be had.
    """
    worker = _Worker(load, told)
    try:
        for job, path in enumerate(paths):
            absolute = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow symlinks
            yield worker.transcribe(Transcribe(job, absolute, language, channels=channels, vocabulary=vocabulary))
    finally:
        worker.stop()


class _Worker:
    """An engine that has one file at a time."""

    def __init__(self, load: LoadModel, told: Told) -> None:
        self._events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self._supervisor = Supervisor(EngineClient(load, self._events.put))
        self._told = told

    def stop(self) -> None:
        self._supervisor.stop()

    def transcribe(self, order: Transcribe) -> Outcome:
        if self._supervisor.want(time.monotonic()):
            self._supervisor.send(order)
        deaths = 0
        while True:
            news = self._news()
            if isinstance(news, EngineDied):
                deaths += 1
                if deaths == MAX_DEATHS:
                    problem = f"the engine {news.how} every one of the {deaths} times that it had this file"
                    return Outcome(order.path, None, PoisonError(problem), 0.0)
            elif (outcome := self._heard(news, order)) is not None:
                return outcome

    def _news(self) -> EngineNews | None:
        try:
            return self._supervisor.heard(self._events.get(timeout=_PULSE_S), time.monotonic())
        except queue.Empty:
            self._supervisor.want(time.monotonic())
            return None

    def _heard(self, news: EngineNews | None, order: Transcribe) -> Outcome | None:
        match news:
            case ModelLoaded():
                self._told(news)
                self._supervisor.send(order)
            case LoadingFailed(error=error):
                raise error
            case Progress(job=order.job) | VocabularyCut(job=order.job):
                self._told(news)
            case Finished(job=order.job):
                return Outcome(order.path, news.transcript, None, news.compute_s)
            case Failed(job=order.job):
                return Outcome(order.path, None, news.error, 0.0)
        return None

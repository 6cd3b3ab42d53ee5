"""The daemon: wires the rooms together and owns the main loop."""

import queue
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from watcherd import __version__
from watcherd.config import Settings
from watcherd.discovery.discovery import Discovery, ignore_sigio
from watcherd.discovery.sightings import RootOffline, ScanComplete, Sighting
from watcherd.engine.client import EngineClient, EngineEvent, EngineExited, EngineSaid, load_order
from watcherd.engine.ffmpeg import require_ffmpeg
from watcherd.engine.messages import ModelLoaded, Progress
from watcherd.engine.supervisor import EngineDied, EngineState, LoadingFailed, Supervisor
from watcherd.errors import EngineDiedError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.states import State
from watcherd.service.control import ControlServer, Reply, Request
from watcherd.service.events import Event, log
from watcherd.service.progress import ProgressBar
from watcherd.work import Work

PULSE_S: Final = 15.0
"""The longest sleep of the main loop."""

ANSWER_S: Final = 10.0
"""How long a control request may wait for the main loop."""

LOADING_ATTEMPTS: Final = 3
"""How often the engine may die while loading before a run that somebody waits for gives up."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants the daemon to end."""

    signal_name: str


@dataclass(frozen=True, slots=True)
class Question:
    """A control request, and where its answer is waited for."""

    request: Request
    answer: "queue.SimpleQueue[Reply]" = field(default_factory=queue.SimpleQueue)


def _refused(action: Callable[[Path], str | None], paths: Iterable[str]) -> dict[str, str]:
    """The paths that the action could do nothing for, with the reasons."""
    reasons = {path: action(Path(path)) for path in paths}
    return {path: reason for path, reason in reasons.items() if reason is not None}


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of one run."""

    transcribed: int
    """Recordings that the engine did in this run."""
    counts: Mapping[State, int]
    """How many recordings are in which state at the end."""


Item = Sighting | EngineEvent | Stop | Question


class Daemon:
    """One run over one ledger, for the main thread.

    Everything that happens outside, on whatever thread, becomes an item in one inbox; the main loop takes them in turn
    and is the only one that writes the ledger.

    Args:
        settings: what to watch, and how to transcribe.
        until_done: end by itself as soon as all that is there now is done, instead of waiting for more.
        bar: shows progress on a terminal.
    """

    def __init__(self, settings: Settings, *, until_done: bool, bar: ProgressBar) -> None:
        self._settings = settings
        self._until_done = until_done
        self._bar = bar
        self._inbox: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._starting = True
        self._stopping = False
        self._failed_starts = 0
        self._unscanned = {root.path for root in settings.watch}

    def run(self) -> Summary:
        """Work until told to end, or until everything is done.

        Raises:
            WatcherdError: the ledger, ffmpeg or, before the first recording, the model cannot be used.
        """
        require_ffmpeg()
        ignore_sigio()
        settings, inbox = self._settings, self._inbox
        database, folders = settings.ledger.path, [root.path for root in settings.watch]
        with ExitStack() as cleanup:
            cleanup.enter_context(self._signals())
            log(Event.STARTING, version=__version__, model=settings.model.id, folders=folders)
            ledger = cleanup.enter_context(Ledger.open(database))
            control = ControlServer(database, self._ask)
            cleanup.callback(control.close)
            idle_unload_s = None if self._until_done else settings.model.idle_unload_s
            supervisor = Supervisor(EngineClient(load_order(settings.model), inbox.put), idle_unload_s=idle_unload_s)
            cleanup.callback(supervisor.stop)
            discovery = Discovery(settings.watch, lambda: Reader.open(database), inbox.put)
            cleanup.callback(discovery.stop)
            work = Work(settings, ledger, supervisor, discovery.look)
            cleanup.callback(work.release_all)
            if not self._until_done:
                # A model that cannot be had is told now, not with the first recording.
                supervisor.want(time.monotonic())
            discovery.start()
            self._loop(ledger, supervisor, work)
            return Summary(work.transcribed, ledger.read.counts())

    def _loop(self, ledger: Ledger, supervisor: Supervisor, work: Work) -> None:
        while not self._stopping:
            now = time.monotonic()
            work.step(now)
            if supervisor.step(now, busy=bool(work.in_hand)):
                log(Event.ENGINE_UNLOADED)
            if self._until_done and not self._unscanned and not work.in_hand and not work.waiting():
                return
            try:
                item = self._inbox.get(timeout=self._sleep_s(now, supervisor, work))
            except queue.Empty:
                continue
            self._handle(item, ledger, supervisor, work)

    def _handle(self, item: Item, ledger: Ledger, supervisor: Supervisor, work: Work) -> None:
        match item:
            case Stop(signal_name=name):
                log(Event.STOPPING, why=f"{name} received")
                self._stopping = True
            case Question():
                item.answer.put(self._reply(item.request, ledger, supervisor, work))
            case EngineSaid() | EngineExited():
                self._engine_event(item, supervisor, work)
            case ScanComplete(root=root):
                self._unscanned.discard(root)
                work.sighted(item)
            case RootOffline(root=root):
                self._unscanned.discard(root)
                work.sighted(item)
            case _:
                work.sighted(item)

    def _engine_event(self, event: EngineEvent, supervisor: Supervisor, work: Work) -> None:
        now = time.monotonic()
        news = supervisor.heard(event, now)
        match news:
            case None:
                return
            case ModelLoaded():
                self._starting = False
                log(
                    Event.MODEL_LOADED, model=news.model_id, device=news.device, dtype=news.dtype, elapsed_s=news.load_s
                )
            case LoadingFailed(error=error):
                if self._starting or self._until_done:
                    raise error
                log(Event.MODEL_FAILED, error=error)
            case EngineDied(was_loaded=False):
                self._failed_starts += 1
                error = EngineDiedError(
                    f"the engine {news.how} while it loaded the model",
                    remedy="Look for the reason in the lines above; out of memory is the usual one",
                )
                if self._until_done and self._failed_starts == LOADING_ATTEMPTS:
                    raise error
                log(Event.MODEL_FAILED, error=error)
            case _:
                work.heard(news, now)
                if isinstance(news, Progress):
                    self._show_progress(work, news.job)

    def _show_progress(self, work: Work, job: int) -> None:
        hand = work.in_hand.get(job)
        if hand is not None:
            self._bar.show(hand.path, hand.done_ms, hand.duration_ms)

    def _sleep_s(self, now: float, supervisor: Supervisor, work: Work) -> float:
        due = [at - now for at in (supervisor.unload_due(), supervisor.start_due()) if at is not None]
        if (wait := work.next_due_s()) is not None:
            due.append(wait)
        return max(0.0, min(PULSE_S, *due)) if due else PULSE_S

    # --- asked from outside ---------------------------------------------------------------------------------------

    def _ask(self, request: Request) -> Reply:
        """On the control socket's thread: hand the question to the main loop and wait."""
        question = Question(request)
        self._inbox.put(question)
        try:
            return question.answer.get(timeout=ANSWER_S)
        except queue.Empty:
            return {"error": "the daemon is busy or about to end; try again"}

    def _reply(self, request: Request, ledger: Ledger, supervisor: Supervisor, work: Work) -> Reply:
        match request:
            case {"command": "status"}:
                return self._status(ledger, supervisor, work)
            case {"command": "retry", "paths": list(paths)}:
                return {"refused": _refused(work.retry, paths)}
            case {"command": "retry", "failed": True}:
                return {"retried": work.retry_failed()}
            case {"command": "redo", "paths": list(paths)}:
                return {"refused": _refused(work.redo, paths)}
        return {"error": f"unknown request {request['command']!r}"}

    def _status(self, ledger: Ledger, supervisor: Supervisor, work: Work) -> dict[str, Any]:
        now = time.monotonic()
        counts = ledger.read.counts()
        if self._starting and supervisor.state is EngineState.LOADING:
            state = "starting"
        else:
            state = "working" if work.in_hand else "idle"
        model = supervisor.model
        return {
            "state": state,
            "queue": counts.get(State.PENDING, 0) + counts.get(State.RETRY, 0),
            "working": [hand.to_dict(now) for hand in work.in_hand.values()],
            "counts": dict(counts),
            "model": self._settings.model.id,
            "device": None if model is None else model.device,
            "engine": supervisor.state,
        }

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the loop; a second one does not kill what is being put in order."""

        def stop(number: int, _: object) -> None:
            self._inbox.put(Stop(signal.Signals(number).name))

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

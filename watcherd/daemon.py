"""The daemon: wires the rooms together and owns the main loop."""

import queue
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from watcherd import __version__
from watcherd.config import Settings
from watcherd.discovery.discovery import Discovery, ignore_sigio
from watcherd.discovery.sightings import RootOffline, RootOnline, ScanComplete, Sighting
from watcherd.engine.client import EngineClient, EngineEvent, EngineExited, EngineSaid, load_order
from watcherd.engine.ffmpeg import require_ffmpeg
from watcherd.engine.messages import ModelLoaded, Progress
from watcherd.engine.supervisor import EngineDied, LoadingFailed, Supervisor
from watcherd.errors import ConfigError, EngineDiedError, WatcherdError
from watcherd.intake import Intake
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.states import State
from watcherd.pause import Switch
from watcherd.redo import redo
from watcherd.roots import Roots
from watcherd.service.control import ControlServer, Reply, Request
from watcherd.service.events import Event, log
from watcherd.service.progress import ProgressBar
from watcherd.service.requests import BadRequestError, length_in, paths_in
from watcherd.telling import Telling
from watcherd.work import Work

PULSE_S: Final = 15.0
"""The longest sleep of the main loop."""

ANSWER_S: Final = 60.0
"""How long a control request may wait for the main loop, which stops an engine or a scan for some of them."""

LOADING_ATTEMPTS: Final = 3
"""How often the engine may die while loading before a run that somebody waits for gives up."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants the daemon to end."""

    signal_name: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Somebody wants the configuration to be read again."""


@dataclass(frozen=True, slots=True)
class Question:
    """A control request, and where its answer is waited for."""

    request: Request
    answer: "queue.SimpleQueue[Reply]" = field(default_factory=queue.SimpleQueue)


Item = Sighting | EngineEvent | Stop | Reload | Question


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of one run."""

    transcribed: int
    """Recordings that the engine did in this run."""
    counts: Mapping[State, int]
    """How many recordings are in which state at the end."""


def run(configure: Callable[[], Settings], bar: ProgressBar, *, until_done: bool = False) -> Summary:
    """Work until told to end by a signal, or until all that is there now is done.

    Everything that happens outside, on whatever thread, becomes an item in one inbox; the main loop takes them in turn
    and is the only one that writes the ledger.

    Args:
        configure: reads the settings; called again for each reload.
        bar: shows progress on a terminal.
        until_done: end by itself as soon as everything is done, instead of waiting for more.

    Raises:
        WatcherdError: the configuration, the ledger, ffmpeg or, before the first recording, the model cannot be used.
    """
    settings = configure()
    require_ffmpeg()
    ignore_sigio()
    inbox: queue.SimpleQueue[Item] = queue.SimpleQueue()
    database, folders = settings.ledger.path, [root.path for root in settings.watch]
    with ExitStack() as cleanup:
        cleanup.enter_context(_signals(inbox.put))
        log(Event.STARTING, version=__version__, model=settings.model.id, folders=folders)
        ledger = cleanup.enter_context(Ledger.open(database))
        control = ControlServer(database, lambda request: _ask(inbox.put, request))
        cleanup.callback(control.close)
        idle_unload_s = None if until_done else settings.model.idle_unload_s
        supervisor = Supervisor(
            EngineClient(load_order(settings.model, settings.languages_by_key()), inbox.put),
            idle_unload_s=idle_unload_s,
            stall_timeout_s=settings.model.stall_timeout_s,
        )
        cleanup.callback(supervisor.stop)
        daemon = _Daemon(
            configure=configure,
            settings=settings,
            inbox=inbox,
            ledger=ledger,
            supervisor=supervisor,
            bar=bar,
            until_done=until_done,
        )
        cleanup.callback(daemon.close)
        daemon.loop()
        summary = Summary(daemon.work.transcribed, ledger.read.counts())
    log(Event.STOPPED)
    return summary


class _Daemon:
    """The main loop and what it decides by itself; what concerns a recording is ``Work``'s."""

    def __init__(
        self,
        *,
        configure: Callable[[], Settings],
        settings: Settings,
        inbox: "queue.SimpleQueue[Item]",
        ledger: Ledger,
        supervisor: Supervisor,
        bar: ProgressBar,
        until_done: bool,
    ) -> None:
        self._configure = configure
        self._roots = Roots(settings)
        self._inbox = inbox
        self._ledger = ledger
        self._supervisor = supervisor
        self._bar = bar
        self._until_done = until_done
        self._stopping = False
        self._failed_starts = 0
        self._unseen: set[Path] = set()
        self._unscanned: set[Path] = set()
        self._discovery = self._discover()
        self._intake = Intake(self._roots, ledger)
        self.work = Work(self._roots, ledger, supervisor, self._look_again)
        self._switch = Switch(ledger.pausing, supervisor, self.work.release_all, heeded=not until_done)
        self._telling = Telling(self._roots, ledger.read, self.work, supervisor, self._switch)

    def close(self) -> None:
        """End discovery, and take back what the engine has."""
        self._discovery.stop()
        self.work.release_all("the daemon was stopped")

    def loop(self) -> None:
        """Take one item after the other until it is time to end."""
        self._discovery.start()
        if not self._until_done:
            self._switch.step(datetime.now(UTC))
            self._switch.tell()
            self._call_engine()
        while not self._stopping:
            now = time.monotonic()
            self._switch.step(datetime.now(UTC))
            self._telling.step(now, watched=not self._unseen)
            self.work.step(now, paused=self._switch.paused)
            self._look_after_engine(now)
            if self._until_done and not self._unscanned and not self.work.in_hand and not self.work.waiting():
                return
            try:
                item = self._inbox.get(timeout=self._sleep_s(now))
            except queue.Empty:
                continue
            self._handle(item)

    def _call_engine(self) -> None:
        """Start the engine before there is work: a model that cannot be had is told now, not with a recording."""
        if not self._switch.paused:
            self._supervisor.want(time.monotonic())

    def _discover(self) -> Discovery:
        roots = [root.path for root in self._roots.settings.watch]
        self._unseen, self._unscanned = set(roots), set(roots)
        database = self._roots.settings.ledger.path
        return Discovery(self._roots.settings.watch, lambda: Reader.open(database), self._inbox.put)

    def _look_again(self, path: Path) -> None:
        self._discovery.look(path)

    def _handle(self, item: Item) -> None:
        match item:
            case Stop(signal_name=name):
                log(Event.STOPPING, why=f"{name} received")
                self._telling.stopping(f"{name} received")
                self._stopping = True
            case Reload():
                self._reload()
            case Question():
                item.answer.put(self._answer(item.request))
            case EngineSaid() | EngineExited():
                self._engine_event(item)
            case _:
                self._sighted(item)

    def _sighted(self, sighting: Sighting) -> None:
        if all(sighting.root != root.path for root in self._roots.settings.watch):
            return  # a folder that the last reload has taken out
        if isinstance(sighting, RootOnline | RootOffline):
            self._unseen.discard(sighting.root)
        if isinstance(sighting, ScanComplete | RootOffline):
            self._unscanned.discard(sighting.root)
        self._intake.sighted(sighting)

    # --- the engine -----------------------------------------------------------------------------------------------

    def _engine_event(self, event: EngineEvent) -> None:
        now = time.monotonic()
        news = self._supervisor.heard(event, now)
        match news:
            case None:
                return
            case ModelLoaded():
                self._failed_starts = 0
                self.work.suit(news.device)
                log(
                    Event.MODEL_LOADED, model=news.model_id, device=news.device, dtype=news.dtype, elapsed_s=news.load_s
                )
            case LoadingFailed(error=error):
                if not self._telling.ready or self._until_done:
                    raise error
                log(Event.MODEL_FAILED, model=self._roots.settings.model.id, error=error)
            case EngineDied(was_loaded=False):
                self._failed_starts += 1
                error = EngineDiedError(
                    f"the engine {news.how} while it loaded the model",
                    remedy="Look for the reason in the lines above; out of memory is the usual one",
                )
                if self._until_done and self._failed_starts == LOADING_ATTEMPTS:
                    raise error
                log(Event.MODEL_FAILED, model=self._roots.settings.model.id, error=error)
            case EngineDied():
                was_busy = bool(self.work.in_hand)
                self.work.heard(news, now)
                if was_busy:
                    self._call_engine()  # it loads the model while what it died with waits for its next attempt
            case _:
                self.work.heard(news, now)
                if isinstance(news, Progress) and (hand := self.work.in_hand.get(news.job)) is not None:
                    self._bar.show(hand.path, hand.done_ms, hand.duration_ms)

    def _look_after_engine(self, now: float) -> None:
        if self._supervisor.step(now, busy=bool(self.work.in_hand)):
            log(Event.ENGINE_UNLOADED, model=self._roots.settings.model.id)
        # What waits in the inbox may be the sign of life: the daemon itself may have been held up.
        silent_s = self._supervisor.stalled_s(now) if self._inbox.empty() else None
        if silent_s is not None:
            log(Event.ENGINE_STALLED, elapsed_s=silent_s)
            self._supervisor.kill()

    def _sleep_s(self, now: float) -> float:
        supervisor = self._supervisor
        due = [PULSE_S]
        engine_due = supervisor.unload_due(), supervisor.start_due(), supervisor.stall_due()
        due += [at - now for at in engine_due if at is not None]
        waits = (
            self.work.next_due_s(),
            self._switch.over_in_s(datetime.now(UTC)),
            self._telling.next_s(now),
        )
        due += [wait for wait in waits if wait is not None]
        return max(0.0, min(due))

    # --- asked from outside ---------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Reply:
        try:
            return self._reply(request)
        except WatcherdError as error:
            return {"error": str(error), "exit_code": error.exit_code}

    def _reply(self, request: Request) -> Reply:
        match request:
            case {"command": "status"}:
                return self._status()
            case {"command": "reload"}:
                refused = self._reload()
                return {} if refused is None else {"error": str(refused), "exit_code": refused.exit_code}
            case {"command": "pause" | "resume"}:
                return self._switched(request)
            case {"command": "retry", "paths": list(paths)}:
                return {"refused": _refused(self.work.retry, paths_in(paths))}
            case {"command": "retry", "failed": True}:
                return {"retried": self.work.retry_failed()}
            case {"command": "redo"}:
                return redo(self._ledger, request)
        raise BadRequestError(f"unknown request {request['command']!r}")

    def _switched(self, request: Request) -> Reply:
        if self._until_done:
            raise BadRequestError("this is a run that ends by itself", remedy="Stop it with Ctrl-C")
        reply: Reply
        if request["command"] == "resume":
            reply = {"was_paused": self._switch.resume()}
        else:
            length = length_in(request.get("for_s"))
            reply = {"released": len(self.work.in_hand)}
            self._switch.pause(datetime.now(UTC), length)
        self._telling.at_once()
        return reply

    def _status(self) -> dict[str, Any]:
        now = time.monotonic()
        counts = self._ledger.read.counts()
        model = self._supervisor.model
        state = "starting" if not self._telling.ready else "working" if self.work.in_hand else "idle"
        until = self._switch.until
        return {
            "state": "paused" if self._switch.paused and self._telling.ready else state,
            "paused_until": None if until is None else until.isoformat(timespec="seconds"),
            "queue": counts.get(State.PENDING, 0) + counts.get(State.RETRY, 0),
            "working": [hand.to_dict(now) for hand in self.work.in_hand.values()],
            "counts": counts,
            "model": self._roots.settings.model.id,
            "device": None if model is None else model.device,
            "engine": self._supervisor.state,
        }

    def _reload(self) -> ConfigError | None:
        """Read the configuration again and work by it; one with errors is refused, and returned."""
        self._telling.reloading()
        try:
            settings = self._configure()
            if settings.ledger != self._roots.settings.ledger:
                raise ConfigError("another ledger needs a new start", remedy="Restart the daemon")  # noqa: TRY301
        except ConfigError as error:
            log(Event.CONFIG_REFUSED, error=error)
            self._telling.reloaded()
            return error
        before = self._roots.settings
        self._roots.apply(settings)
        if settings.watch != before.watch:
            self._discovery.stop()
            self._discovery = self._discover()
            self._discovery.start()
        self._supervisor.idle_unload_s = settings.model.idle_unload_s
        self._supervisor.stall_timeout_s = settings.model.stall_timeout_s
        if load_order(settings.model, {}) != load_order(before.model, {}):
            self.work.release_all("another model is to do it")
            self._supervisor.change(load_order(settings.model, settings.languages_by_key()))
            self._call_engine()
        log(Event.CONFIG_RELOADED)
        self._telling.reloaded()
        return None


def _ask(put: Callable[[Item], None], request: Request) -> Reply:
    """On a thread of the control socket: hand the question to the main loop and wait."""
    question = Question(request)
    put(question)
    try:
        return question.answer.get(timeout=ANSWER_S)
    except queue.Empty:
        return {"error": "the daemon is busy or about to end; try again"}


def _refused(action: Callable[[Path], str | None], paths: Iterable[Path]) -> dict[str, str]:
    """The paths that the action could do nothing for, with the reasons."""
    reasons = {path: action(path) for path in paths}
    return {str(path): reason for path, reason in reasons.items() if reason is not None}


@contextmanager
def _signals(put: Callable[[Item], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop; a second one does not kill what is being put in order. SIGHUP reloads."""

    def stop(number: int, _: object) -> None:
        put(Stop(signal.Signals(number).name))

    def reload(_: int, __: object) -> None:
        put(Reload())

    handlers: dict[signal.Signals, Callable[[int, object], None]] = {signal.SIGINT: stop, signal.SIGTERM: stop}
    # A terminal that is closed sends SIGHUP, too, and means the end.
    handlers[signal.SIGHUP] = stop if sys.stderr.isatty() else reload
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What is to be done with which recording: through the engine to its sidecars, always by the ledger."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from watcherd.engine.messages import (
    Cancel,
    Failed,
    Finished,
    Progress,
    Transcribe,
    VocabularyCut,
    WindowsRead,
)
from watcherd.engine.supervisor import EngineDied, EngineNews, Supervisor
from watcherd.errors import (
    EngineDiedError,
    FileUnreadableError,
    RecordingChangedError,
    WatcherdError,
)
from watcherd.fingerprint import fingerprint
from watcherd.hands import Hands
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Publication, Result, StatKey
from watcherd.ledger.records import Work as Due
from watcherd.ledger.states import State
from watcherd.publication import destination_of, publish, wishes_of
from watcherd.roots import Roots
from watcherd.service.events import Event, log
from watcherd.service.notify import Working
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.publish import preflight

BLOCKED_WAIT: Final = timedelta(seconds=60)
"""How soon a folder that could not be written to is looked at again; looking costs nothing."""


@dataclass(slots=True)
class InHand:
    """A recording that the engine has."""

    due: Due
    started: float
    settings: str
    """What decides on its transcript; see ``settings_line``. Those of the configuration may be others meanwhile."""
    done_ms: int = 0
    duration_ms: int = 0

    @property
    def path(self) -> Path:
        """The recording."""
        return self.due.path

    def working(self, now: float) -> Working:
        """How far it is, and when it is done at the speed so far."""
        progress = min(self.done_ms / self.duration_ms, 1.0) if self.duration_ms else 0.0
        eta_s = (now - self.started) * (1 - progress) / progress if progress else None
        return Working(self.path, progress, eta_s)

    def to_dict(self, now: float) -> dict[str, Any]:
        """As ``watcherd status --json`` shows it."""
        working = self.working(now)
        eta_s = None if working.eta_s is None else round(working.eta_s, 1)
        return {"path": str(self.path), "progress": round(working.progress, 4), "eta_s": eta_s}


class Work:
    """The daemon's decisions. For the main thread alone; every method returns soon.

    A recording goes to the engine only when its folder can take the sidecars; a result goes into the ledger before
    anything is published; and what was published is in the ledger before the recording counts as done.

    Attributes:
        in_hand: what the engine has, by job.
        transcribed: how many results came from the engine in this run.
    """

    def __init__(
        self, roots: Roots, ledger: Ledger, supervisor: Supervisor, look_again: Callable[[Path], None]
    ) -> None:
        self._roots = roots
        self._ledger = ledger
        self._supervisor = supervisor
        self._look_again = look_again
        self._jobs = 0
        self._hands = Hands()
        self.in_hand: dict[int, InHand] = {}
        self.transcribed = 0

    def suit(self, device: str) -> None:
        """Hand out as many recordings at a time as a model on this device is served by."""
        self._hands.suit(on_gpu=device != "cpu", processors=len(os.sched_getaffinity(0)))

    # --- what the engine said -------------------------------------------------------------------------------------

    def heard(self, news: EngineNews, now: float) -> None:
        """Take note of what the engine said."""
        match news:
            case Progress(job=job) if job in self.in_hand:
                hand = self.in_hand[job]
                hand.done_ms, hand.duration_ms = news.done_ms, news.duration_ms
                self._hands.learn(hand.due.content_id, news.duration_ms)
                self._take_back_long_ones()
            case WindowsRead(partials=partials):
                hands = self.in_hand
                self._ledger.windows.keep(
                    {hands[job].due.content_id: partial for job, partial in partials.items() if job in hands}
                )
            case VocabularyCut(job=job) if job in self.in_hand:
                root, model = self._roots.folder(self.in_hand[job].path), self._roots.settings.model.id
                log(Event.VOCABULARY_CUT, root=root, model=model, entries=news.given, used=news.used)
            case Finished(job=job) if job in self.in_hand:
                self._finished(self.in_hand.pop(job), news, now)
            case Failed(job=job) if job in self.in_hand:
                self._failed(self.in_hand.pop(job), news.error)
            case EngineDied():
                self._engine_died(news)

    def _finished(self, hand: InHand, news: Finished, now: float) -> None:
        content_id = hand.due.content_id
        self._hands.forget(content_id)
        if not self._unchanged(hand.due):
            self._changed(hand)
            return
        model = self._supervisor.model
        result = Result(
            transcript=news.transcript,
            model_id=self._roots.settings.model.id,
            model_revision=model.revision if model else None,
            settings_fingerprint=hand.settings,
            compute_ms=round(news.compute_s * 1000),
            windows=news.windows,
        )
        self._ledger.queue.store_result(content_id, result)
        if news.warning:
            log(Event.INCOMPLETE, root=self._roots.folder(hand.path), path=hand.path, why=news.warning)
        if news.transcript.language_suspect:
            language = news.transcript.language
            log(Event.LANGUAGE_SUSPECT, root=self._roots.folder(hand.path), path=hand.path, language=language)
        self.transcribed += 1
        log(
            Event.TRANSCRIBED,
            root=self._roots.folder(hand.path),
            path=hand.path,
            audio_ms=news.transcript.duration_ms,
            elapsed_s=now - hand.started,
            compute_s=news.compute_s,
            language=news.transcript.language,
            model=self._roots.settings.model.id,
            device=model.device if model else None,
        )

    def _failed(self, hand: InHand, error: WatcherdError) -> None:
        if isinstance(error, RecordingChangedError) or not self._unchanged(hand.due):
            self._changed(hand)
            return
        if isinstance(error, FileUnreadableError):
            self._ledger.queue.release(hand.due.content_id, error.problem)
            self._ledger.paths.block(hand.path, error, _in(BLOCKED_WAIT))
            log(Event.BLOCKED, root=self._roots.folder(hand.path), path=hand.path, error=error)
            return
        self._log_setback(hand, self._ledger.queue.fail(hand.due.content_id, error), error)

    def _engine_died(self, news: EngineDied) -> None:
        log(Event.ENGINE_DIED, how=news.how, paths=[hand.path for hand in self.in_hand.values()])
        for hand in self.in_hand.values():
            error = EngineDiedError(f"the engine {news.how}", path=hand.path)
            self._log_setback(hand, self._ledger.queue.engine_died(hand.due.content_id, error), error)
        self.in_hand.clear()

    def _log_setback(self, hand: InHand, state: State, error: WatcherdError) -> None:
        event = {State.RETRY: Event.RETRY, State.BLOCKED: Event.BLOCKED, State.FAILED: Event.FAILED}.get(state)
        if event is not None:
            log(event, root=self._roots.folder(hand.path), path=hand.path, error=error, attempt=hand.due.attempts + 1)

    def _changed(self, hand: InHand) -> None:
        """The file is not the one any more that was claimed: discovery says what it is now."""
        self._ledger.queue.release(hand.due.content_id, "the file changed or went while it was being transcribed")
        log(Event.CHANGED, root=self._roots.folder(hand.path), path=hand.path)
        self._look_again(hand.path)

    # --- what a person asked for --------------------------------------------------------------------------------

    def retry(self, path: Path) -> str | None:
        """Try again now whatever is wrong with this recording; returns why there is nothing to be tried."""
        if self._ledger.read.entry(path) is None:
            return "it is not in the ledger"
        if not self._ledger.retry(path):
            return "nothing is wrong with it"
        self._look_again(path)
        return None

    def retry_failed(self) -> int:
        """Try again whatever failed, is blocked or waits for its next try; returns how many recordings that are."""
        states = (State.FAILED, State.BLOCKED, State.RETRY)
        paths = [entry.path for state in states for entry in self._ledger.read.entries(state)]
        return sum(self.retry(path) is None for path in paths)

    # --- what is due ----------------------------------------------------------------------------------------------

    def step(self, now: float, *, paused: bool = False) -> None:
        """Publish whatever is due, and hand out what is, unless nothing may be begun."""
        for publication in self._ledger.publishing.due(self._roots.online):
            self._publish(publication)
        if not paused:
            self._hand_out(now)

    def _hand_out(self, now: float) -> None:
        while self._hands.has_room(self._contents()) and not any(hand.due.deaths for hand in self.in_hand.values()):
            due = self._ledger.queue.next(self._roots.online, self._hands.passed_over(self._contents()))
            if due is None or (due.deaths and self.in_hand):
                # One that the engine died with runs alone: nobody shares its fate, and nobody is suspected for it.
                return
            if not self._ready(due):
                continue
            if not self._supervisor.want(now):
                return
            self._ledger.queue.claim(due)
            self._jobs += 1
            settings = self._roots.settings_line(due.path)
            self.in_hand[self._jobs] = InHand(due, now, settings)
            order = Transcribe(
                self._jobs,
                due.path,
                self._roots.language(due.path),
                self._ledger.windows.begin(due.content_id, self._read_with(settings)),
                channels=self._roots.channels(due.path),
                vocabulary=self._roots.vocabulary(due.path),
            )
            self._supervisor.send(order)
            log(Event.STARTED, root=self._roots.folder(due.path), path=due.path, attempt=due.attempts + 1)

    def _take_back_long_ones(self) -> None:
        """Free the hands of those that turned out to be long when there are enough of them."""
        for job in self._hands.too_many(self._contents()):
            content_id = self.in_hand.pop(job).due.content_id
            self._supervisor.send(Cancel(job))
            self._ledger.queue.release(content_id, "it is long, and waits for another long one to end")

    def _contents(self) -> dict[int, int]:
        return {job: hand.due.content_id for job, hand in self.in_hand.items()}

    def _ready(self, due: Due) -> bool:
        """Whether the recording can be done now; where not, the ledger knows why when this returns."""
        if not self._unchanged(due):
            # Not ours to judge: discovery finds out what is there now. Until then the path offers nothing.
            error: WatcherdError = RecordingChangedError("the file changed since it was found", path=due.path)
            self._ledger.paths.block(due.path, error, _in(BLOCKED_WAIT))
            self._look_again(due.path)
            return False
        try:
            root = self._roots.of(due.path)
            destination = destination_of(root, due.path) if root else Destination.beside(due.path, None)
            preflight(destination.existing, destination.root)
        except WatcherdError as blocked:
            self._block(due.path, blocked)
            return False
        return True

    def _publish(self, publication: Publication) -> None:
        result = self._ledger.read.result(publication.content_id)
        root = self._roots.of(publication.path)
        if result is None or root is None:
            return
        try:
            wishes, destination = wishes_of(self._roots.settings, root), destination_of(root, publication.path)
            report = publish(self._ledger, publication, result, wishes, destination)
        except RecordingChangedError:
            self._look_again(publication.path)
            self._ledger.paths.forget([publication.path])
            return
        except WatcherdError as blocked:
            self._block(publication.path, blocked)
            return
        state = self._ledger.publishing.published(publication)
        event = Event.NO_SPEECH if state is State.NO_SPEECH else Event.DONE
        log(
            event,
            root=root.path,
            path=publication.path,
            sidecars=report.written,
            audio_ms=result.transcript.duration_ms,
            language=result.transcript.language,
            model=result.model_id,
        )
        for sidecar in report.kept:
            log(Event.SIDECAR_KEPT, root=root.path, path=publication.path, sidecar=sidecar)
        for sidecar in report.stay_deleted:
            log(Event.SIDECAR_STAYS_DELETED, root=root.path, path=publication.path, sidecar=sidecar)

    def _block(self, path: Path, error: WatcherdError) -> None:
        entry = self._ledger.read.entry(path)
        self._ledger.paths.block(path, error, _in(BLOCKED_WAIT))
        if entry is None or entry.error != error.problem:  # told once, not every minute
            log(Event.BLOCKED, root=self._roots.folder(path), path=path, error=error)

    def waiting(self) -> bool:
        """Whether anything could be done right now."""
        roots = self._roots.online
        return bool(self._ledger.publishing.due(roots, limit=1)) or self._ledger.queue.next(roots) is not None

    def next_due_s(self) -> float | None:
        """Seconds until something that waits is due; None where nothing waits."""
        due = self._ledger.queue.next_due()
        return None if due is None else (due - datetime.now(UTC)).total_seconds()

    def release_all(self, reason: str) -> None:
        """Take everything back from the engine, which ends or has ended."""
        for hand in self.in_hand.values():
            self._ledger.queue.release(hand.due.content_id, reason)
        self.in_hand.clear()

    def _read_with(self, settings: str) -> str:
        model = self._supervisor.model
        assert model is not None  # noqa: S101  for the type checker; something is handed out to a loaded engine alone
        return fingerprint(model, settings)

    def _unchanged(self, due: Due) -> bool:
        known = self._ledger.read.path(due.path)
        try:
            stat = due.path.lstat()
        except OSError:
            return False
        return known is not None and known.stat_key == StatKey.from_stat(stat)


def _in(wait: timedelta) -> datetime:
    return datetime.now(UTC) + wait

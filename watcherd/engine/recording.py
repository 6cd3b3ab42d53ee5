"""One recording in the engine's hands: its decoder thread, its windows on their way, and what was read in them."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, takewhile
from typing import Final

from watcherd.decisions import Decision, WindowDecision
from watcherd.engine.audio import Audio, decode
from watcherd.engine.gates import Verdict, judge, misled
from watcherd.engine.joining import Readings
from watcherd.engine.language_doubt import LanguageDoubt
from watcherd.engine.messages import Transcribe
from watcherd.engine.queue import FairQueue
from watcherd.engine.recognizer import Hints, Reading, Recognizer
from watcherd.engine.resume import unpack, window_key
from watcherd.engine.segments import segments
from watcherd.engine.shared_tails import SharedTails
from watcherd.engine.skipping import skips_speech
from watcherd.engine.speech import side_windows, speech_windows
from watcherd.engine.windows import Window
from watcherd.errors import ReadError, WatcherdError
from watcherd.transcript import Transcript

LANGUAGE_WINDOWS: Final = 3
"""The language is told from this many windows together: a foreign greeting does not decide for the whole recording."""

UNREAD_SPEECH_S: Final = 1.0
"""Speech after the model's last timestamp that is worth another look; without it whole sentences are lost."""

MIN_SPLIT_S: Final = 4.0
MAX_LOOKS: Final = 2
"""How often speech that a model skips is sought in smaller parts: a slow song must not cost many times its length."""

ALIKE: Final = 0.75
"""A part that is more of a window than this would be read like the window; its halves are something else."""

MAX_REREADS: Final = 6
"""How often the parts of one window are queued again, split or as a tail."""

DECODER_NICENESS: Final = 10
"""Decoders and their ffmpegs run on what the model leaves of the processors, however many they are: they are many times
quicker than it, and where it waits for them, all is left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A window in the queue."""

    window: Window
    hints: Hints
    key: bytes
    """Names its reading beyond this process; see ``resume``."""
    rereads: int = 0
    """How many readings of the window that this is a part of came before."""


class RecordingInHand:
    """Made, asked and ended by the engine's loop; only the decoder runs on a thread of its own.

    Attributes:
        job: the daemon's name for the work.
        language: what the recording is read as; empty until that is known.
        error: why the recording cannot be done, once that is so.
        warning: what is wrong with a recording of which a part can be read all the same.
        compute_s: seconds of work so far: decoding, voice activity and this recording's share of every batch.
        done_ms: how far into the recording the finished windows reach.
        duration_ms: by the container until the decoder has seen the end; 0 while nothing is known.
    """

    def __init__(self, order: Transcribe, queue: FairQueue[WindowTask], wake: Callable[[], None]) -> None:
        self.job = order.job
        self.language = (order.known.language or "") if order.language == "auto" else order.language
        self.error: WatcherdError | None = None
        self.warning: str | None = None
        self.compute_s = 0.0
        self.done_ms = 0
        self.duration_ms = 0
        self._path = order.path
        self._known = order.known.readings
        self._split = order.channels == "split"
        self._vocabulary = order.vocabulary
        self._apart = False
        self._queue = queue
        self._wake = wake
        self._told = (-1, 0)
        self._readings = Readings()
        self._decisions: list[WindowDecision] = []
        self._tails: SharedTails[WindowTask] = SharedTails()
        self._doubt = LanguageDoubt()
        self._open_windows = 0
        self._lock = threading.Lock()
        self._decoded = threading.Event()
        self._language_known = threading.Event()
        self._cancelled = threading.Event()
        self._to_judge: list[Window] | None = None
        self._thread = threading.Thread(target=self._decode, name=f"decode-{self.job}", daemon=True)

    def start(self) -> None:
        """Let the decoder run ahead."""
        self._queue.open(self.job)
        self._thread.start()

    def cancel(self) -> None:
        """Stop the decoder; it ends its ffmpeg with it."""
        self._cancelled.set()
        self._queue.close(self.job)
        self._language_known.set()

    @property
    def needs_language(self) -> bool:
        """True when the decoder has gathered the windows to tell the language from."""
        return self._to_judge is not None and not self._language_known.is_set()

    def decide_language(self, recognizer: Recognizer) -> None:
        """Tell the language from the gathered windows and let the decoder go on."""
        started = time.monotonic()
        self.language = recognizer.detect_language([window.samples for window in self._to_judge or ()]) or ""
        self._to_judge = None
        self.compute_s += time.monotonic() - started
        self._language_known.set()

    def known(self, task: WindowTask) -> Reading | None:
        """What was read in this window before an interruption."""
        packed = self._known.get(task.key)
        return None if packed is None else unpack(packed)

    def accept(self, task: WindowTask, reading: Reading) -> None:
        """Take in what was read in one window; parts that deserve another look are queued again, in front."""
        window = task.window
        if why := misled(window, reading, task.hints.vocabulary):
            self._decisions.append(_decision(window, reading, Decision.UNAIDED, why))
            self._queue.put_back(self.job, [self._task(window, task.rereads, ())])
            return
        may_reread = window.duration_s >= MIN_SPLIT_S and task.rereads < MAX_REREADS
        verdict = judge(window, reading, may_split=may_reread)
        again: list[WindowTask] = []
        if verdict.decision is Decision.SPLIT:
            again = [self._part(half, task) for half in window.halves()]
        elif tail := self._unread_tail(task, verdict):
            part = self._part(tail, task)
            again = [part] if tail.own_speech_s > UNREAD_SPEECH_S else self._tails.leave(tail, part)
        may_look = may_reread and task.rereads < MAX_LOOKS
        skipping = [phrase for phrase in verdict.phrases if may_look and skips_speech(window, phrase)]
        for phrase in skipping:
            under = window.between(phrase.start_s, phrase.end_s) or window
            parts = under.halves() if under.duration_s > ALIKE * window.duration_s else (under,)
            again += [self._part(each, task) for each in parts]
            self._readings.doubt(under, segments(window, replace(reading, phrases=(phrase,))))
        read_again = bool(again) and verdict.decision is not Decision.SPLIT
        if task.rereads == 0:
            self._doubt.hear(window.speech_s, reading, believed=verdict.believed)
            again += self._tails.hear(window, verdict)
        believed = tuple(phrase for phrase in verdict.phrases if phrase not in skipping)
        self._readings.add(window, segments(window, replace(reading, phrases=believed)))
        decision = _decision(window, reading, verdict.decision, verdict.reason)
        self._decisions.append(replace(decision, tail_read_again=read_again))
        self.done_ms = max(self.done_ms, window.end_ms)
        with self._lock:
            self._open_windows += len(again) - 1
        self._queue.put_back(self.job, again)

    @property
    def complete(self) -> bool:
        """True once the decoder is at the end and every window is read."""
        with self._lock:
            return self._decoded.is_set() and self._open_windows == 0

    def progressed(self) -> bool:
        """True when ``done_ms`` or ``duration_ms`` is another since the last time this was asked."""
        told, self._told = self._told, (self.done_ms, self.duration_ms)
        return told != self._told

    def transcript(self) -> Transcript:
        """Everything that was read, in the order of its times."""
        segments = self._readings.segments()
        if not self._apart:  # one voice on both channels
            segments = [replace(segment, speaker=None) for segment in segments]
        return Transcript(self.language or None, self.duration_ms, tuple(segments), self._doubt.suspect)

    def decisions(self) -> tuple[WindowDecision, ...]:
        """What became of every window, in the order of their times."""
        return tuple(sorted(self._decisions, key=lambda each: (each.start_ms, -each.end_ms)))

    def _unread_tail(self, task: WindowTask, verdict: Verdict) -> Window | None:
        """The rest of a window in which the model stopped early although somebody goes on speaking."""
        if not verdict.phrases or task.rereads >= MAX_REREADS:
            return None
        tail = task.window.tail(verdict.read_until_s)
        return tail if tail is not None and tail.speech_s > UNREAD_SPEECH_S else None

    def _part(self, window: Window, of: WindowTask) -> WindowTask:
        return self._task(window, of.rereads + 1, of.hints.vocabulary)

    def _task(self, window: Window, rereads: int, vocabulary: tuple[str, ...]) -> WindowTask:
        hints = Hints(self.language, vocabulary)
        return WindowTask(window, hints, window_key(window, hints), rereads)

    def _decode(self) -> None:
        started = time.thread_time()
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.nice(0) + DECODER_NICENESS))
        try:
            with decode(self._path) as audio:
                self.duration_ms = audio.info.duration_ms or 0
                self._wake()
                self._feed(self._windows_of(audio))
                self._apart = audio.apart
                self.duration_ms = audio.decoded_ms
                self.warning = audio.warning
        except WatcherdError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  a decoder thread must not die unheard
            _log.exception("the decoder failed")
            self.error = ReadError(f"decoding failed unexpectedly: {error!r}", path=self._path)
        self.compute_s += time.thread_time() - started
        self._decoded.set()
        self._queue.feed(self.job, on=False)
        self._wake()

    def _windows_of(self, audio: Audio) -> Iterator[Window]:
        if self._split and audio.is_stereo:
            return side_windows(takewhile(lambda _: not self._cancelled.is_set(), audio.sides()))
        return speech_windows(takewhile(lambda _: not self._cancelled.is_set(), audio))

    def _feed(self, windows: Iterator[Window]) -> None:
        if not self.language:
            held = list(islice(windows, LANGUAGE_WINDOWS))
            if not held:
                return
            self._to_judge = held
            self._queue.feed(self.job, on=False)
            self._wake()
            self._language_known.wait()
            self._queue.feed(self.job, on=True)
            windows = chain(held, windows)
        for window in windows:
            with self._lock:
                self._open_windows += 1
            if not self._queue.put(self.job, self._task(window, 0, self._vocabulary)):
                return
            self._wake()


def _decision(window: Window, reading: Reading, decision: Decision, reason: str) -> WindowDecision:
    return WindowDecision(
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        text=reading.text,
        avg_logprob=round(reading.avg_logprob, 4),
        compression=round(reading.compression, 2),
        no_speech_prob=None if reading.no_speech_prob is None else round(reading.no_speech_prob, 4),
        decision=decision,
        reason=reason,
        tail_read_again=False,
    )

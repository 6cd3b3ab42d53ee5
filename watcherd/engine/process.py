"""The engine process: decoder threads feed a fair queue of windows, one loop recognises them in batches.

Started by ``client.py`` as ``python -m watcherd.engine.process FD``, where FD is one end of a socket pair. It ends when
the other end closes.
"""

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection

from watcherd.engine.checkpoints import on_disk, resolve
from watcherd.engine.messages import (
    Cancel,
    Failed,
    Finished,
    FromEngine,
    Heartbeat,
    LoadModel,
    ModelFailed,
    ModelLoaded,
    Progress,
    Shutdown,
    ToEngine,
    Transcribe,
    VocabularyCut,
    WindowsRead,
)
from watcherd.engine.model_languages import refuse_languages_of
from watcherd.engine.queue import FairQueue
from watcherd.engine.recognizer import Recognizer
from watcherd.engine.recording import RecordingInHand, WindowTask
from watcherd.engine.resume import pack
from watcherd.errors import WatcherdError
from watcherd.partial import Partial

WINDOWS_AHEAD = 16
"""Decoded windows that wait for each recording: a batch or more on a CPU, 30 MB."""

FILL_S = 2.0
"""How long a batch that is not full waits for decoders that have more. They run behind the model and get next to none
of the processors that it uses, and a step costs nearly as much for one window as for several; alone they fill a batch
in half of this. Encoding what is there meanwhile gained nothing on two processors: the decoders took as much
longer."""

IDLE_HEARTBEAT_S = 5.0


class Engine:
    """The loop that does the work, and all that it holds."""

    def __init__(self, connection: "Connection[FromEngine, ToEngine]") -> None:
        self._connection = connection
        self._inbox: queue.SimpleQueue[ToEngine | None] = queue.SimpleQueue()
        self._windows: FairQueue[WindowTask] = FairQueue(WINDOWS_AHEAD)
        self._recordings: dict[int, RecordingInHand] = {}
        self._told_cut: set[tuple[str, ...]] = set()

    def run(self) -> None:
        """Load the model that the first message names, then work until told to end."""
        threading.Thread(target=self._listen, name="messages", daemon=True).start()
        first = self._inbox.get()
        if not isinstance(first, LoadModel):
            return
        try:
            recognizer = self._load(first)
        except WatcherdError as error:
            self._send(ModelFailed(error))
            return
        while self._handle_messages(recognizer, wait=not self._recordings):
            self._recognise(recognizer)

    def _load(self, order: LoadModel) -> Recognizer:
        started = time.monotonic()
        # What is wrong with a model that is here is told before the imports that take seconds.
        checkpoint = on_disk(order.model_id)
        from watcherd.engine.devices import place, seeks_accuracy, suited  # noqa: PLC0415
        from watcherd.engine.families import load  # noqa: PLC0415

        _silence_libraries()
        placement = place(order.device, order.dtype)  # before a download that a wrong device would make useless
        checkpoint = checkpoint or resolve(order.model_id, download=True)
        if order.dtype == "auto":
            placement = suited(placement, checkpoint.family)
        refuse_languages_of(checkpoint, order.languages)
        batch_size = None if order.batch_size == "auto" else order.batch_size
        accurate = seeks_accuracy(placement, order.decoding)
        recognizer = load(checkpoint, placement, batch_size, accurate=accurate, word_times=order.word_times)
        self._send(
            ModelLoaded(
                model_id=order.model_id,
                revision=checkpoint.revision,
                device=str(placement.device),
                device_name=placement.name,
                dtype=placement.dtype_name,
                batch_size=recognizer.batch_size,
                load_s=time.monotonic() - started,
            )
        )
        return recognizer

    def _listen(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                # The daemon is gone. The loop may be deep in a computation, so nobody is asked; the pipes of the
                # decoders close with us, which ends them too.
                os._exit(0)
            if isinstance(message, Shutdown):
                os._exit(0)
            self._inbox.put(message)

    def _wake(self) -> None:
        """A decoder has news for the loop."""
        self._inbox.put(None)

    def _handle_messages(self, recognizer: Recognizer, *, wait: bool) -> bool:
        """Take in every message there is; where ``wait``, sleep until there is one. The loop's pulse."""
        self._send(Heartbeat())
        block = wait or not self._windows.waiting()
        try:
            while True:
                message = self._inbox.get(block=block, timeout=IDLE_HEARTBEAT_S)
                block = False
                if isinstance(message, Transcribe):
                    self._begin(message, recognizer)
                elif isinstance(message, Cancel):
                    self._drop(message.job)
        except queue.Empty:
            return True

    def _begin(self, order: Transcribe, recognizer: Recognizer) -> None:
        vocabulary = recognizer.usable(order.vocabulary)
        if len(vocabulary) < len(order.vocabulary) and order.vocabulary not in self._told_cut:
            self._told_cut.add(order.vocabulary)
            self._send(VocabularyCut(order.job, len(vocabulary), len(order.vocabulary)))
        recording = RecordingInHand(replace(order, vocabulary=vocabulary), self._windows, self._wake)
        self._recordings[order.job] = recording
        recording.start()

    def _drop(self, job: int) -> None:
        recording = self._recordings.pop(job, None)
        if recording is not None:
            recording.cancel()

    def _recognise(self, recognizer: Recognizer) -> None:
        """One batch, and whatever became complete with it."""
        for recording in list(self._recordings.values()):
            if recording.needs_language:
                recording.decide_language(recognizer)
        batch = self._next_batch(recognizer.batch_size)
        if batch:
            self._read(recognizer, batch)
        for recording in list(self._recordings.values()):
            self._report(recording)

    def _next_batch(self, most: int) -> list[tuple[RecordingInHand, WindowTask]]:
        """Windows that have to be read; those that were before an interruption are accepted on the way."""
        batch: list[tuple[RecordingInHand, WindowTask]] = []
        if self._windows.waiting():
            self._windows.fill(most, FILL_S)
        while taken := self._windows.take(most - len(batch)):
            for job, task in taken:
                recording = self._recordings[job]
                reading = recording.known(task)
                if reading is None:
                    batch.append((recording, task))
                else:
                    recording.accept(task, reading)
        return batch

    def _read(self, recognizer: Recognizer, batch: list[tuple[RecordingInHand, WindowTask]]) -> None:
        started = time.monotonic()
        try:
            readings = recognizer.read([task.window.samples for _, task in batch], [task.hints for _, task in batch])
        except WatcherdError as error:
            for recording, _ in batch:
                recording.error = error
            return
        share_s = (time.monotonic() - started) / sum(task.window.duration_s for _, task in batch)
        for (recording, task), reading in zip(batch, readings, strict=True):
            recording.accept(task, reading)
            recording.compute_s += share_s * task.window.duration_s
        self._send(
            WindowsRead(
                {
                    job: Partial(
                        self._recordings[job].language,
                        {
                            task.key: pack(reading)
                            for (recording, task), reading in zip(batch, readings, strict=True)
                            if recording.job == job
                        },
                    )
                    for job in {recording.job for recording, _ in batch}
                }
            )
        )

    def _report(self, recording: RecordingInHand) -> None:
        if recording.error is not None:
            self._send(Failed(recording.job, recording.error))
            self._drop(recording.job)
        elif recording.complete:
            self._send(
                Finished(
                    recording.job,
                    recording.transcript(),
                    recording.compute_s,
                    recording.warning,
                    recording.decisions(),
                )
            )
            self._drop(recording.job)
        elif recording.progressed():
            self._send(Progress(recording.job, recording.done_ms, recording.duration_ms))

    def _send(self, message: FromEngine) -> None:
        try:
            self._connection.send(message)
        except OSError:  # the daemon is gone
            os._exit(0)


def _silence_libraries() -> None:
    """Hold back the progress bars and the advice of transformers, which would end up in the journal."""
    from transformers.utils import logging as advice  # noqa: PLC0415

    advice.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers leaves them untyped
    advice.disable_progress_bar()  # type: ignore[no-untyped-call]


def main() -> None:
    """Run the engine on the socket whose number is the only argument."""
    faulthandler.enable()
    # Ctrl-C on a terminal reaches the whole process group; ending is the daemon's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    Engine(Connection(int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()

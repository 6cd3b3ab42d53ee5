"""One contender of ``bench.gpu`` in a process of its own: ``python -m bench.gpu_contender NAME MODEL DEVICE FILE...``.

It loads the model, reads the first file to warm up, prints a line when the clock starts, reads all files, and prints
one line of JSON: ``seconds`` and ``peak_mib``, the most memory, outside the GPU's, of the process with the model.
"""

import json
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from bench.contender import InThisProcess, Watcherd
from bench.processes import threads
from watcherd.hands import LONG_MS, Hands

CHUNK_S: Final = 25
"""What the model's card tells users of the pipeline."""

STARTED: Final = "started"


class Worker(Protocol):
    """A contender with its model loaded."""

    def work(self, paths: Sequence[Path]) -> None:
        """Transcribe them all."""

    def peak_mib(self) -> float:
        """The most memory that the process with the model has had."""


class Daemon(Watcherd):
    """watcherd's engine with as many recordings at a time as the daemon gives it."""

    def __init__(self, model: str, device: str) -> None:
        dtype = "float32" if device == "cpu" else "float16"  # as the pipeline
        super().__init__(model, "en", device=device, dtype=dtype)
        self._hands = Hands()
        self._hands.suit(on_gpu=device != "cpu", processors=threads())

    def work(self, paths: Sequence[Path]) -> None:
        """The next goes to the engine when one is finished."""
        with wave.open(str(paths[0])) as file:
            is_long = file.getnframes() * 1000 >= file.getframerate() * LONG_MS
        most = self._hands.most_long if is_long else self._hands.most_short
        for given, path in enumerate(paths):
            if given >= most:
                self.finished()
            self.order(path)
        for _ in paths[-most:]:
            self.finished()


class StockPipeline(InThisProcess):
    """The pipeline of transformers as the model's card has it, but greedy, which is faster than its default."""

    def __init__(self, model: str, device: str, batch_size: int) -> None:
        import torch  # noqa: PLC0415  not in the process beside watcherd's engine
        from transformers import pipeline  # noqa: PLC0415

        dtype = torch.float32 if device == "cpu" else torch.float16
        self._pipeline: Any = pipeline(
            "automatic-speech-recognition", model=model, dtype=dtype, device=device, chunk_length_s=CHUNK_S
        )
        self._batch_size = batch_size

    def work(self, paths: Sequence[Path]) -> None:
        """All files in one call, so that batches may span them."""
        spoken = {"language": "en", "task": "transcribe", "num_beams": 1}
        files = (str(path) for path in paths)
        for _ in self._pipeline(files, batch_size=self._batch_size, return_timestamps=True, generate_kwargs=spoken):
            pass


def load(name: str, model: str, device: str) -> Worker:
    """By name: ``watcherd``, or ``pipeline, batch N``."""
    if name == "watcherd":
        return Daemon(model, device)
    return StockPipeline(model, device, int(name.removeprefix("pipeline, batch ")))


def main(name: str, model: str, device: str, *files: str) -> None:
    """Run one contender once."""
    paths = [Path(file) for file in files]
    worker = load(name, model, device)
    worker.work(paths[:1])
    print(STARTED, flush=True)
    started = time.monotonic()
    worker.work(paths)
    print(json.dumps({"seconds": time.monotonic() - started, "peak_mib": worker.peak_mib()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

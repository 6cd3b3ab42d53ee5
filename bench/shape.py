"""The default model's shape on this CPU, watcherd beside CTranslate2: ``python -m bench.shape``.

The weights are random, every window says 100 tokens (see ``bench.random_model``), and each contender has a process of
its own: ``python -m bench.shape --contender NAME FOLDER WINDOWS`` prints seconds and peak memory as JSON.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.processes import measure, threads
from bench.random_model import SHAPES, TOKENS, make_random
from bench.results import Runs, write
from watcherd.engine.samples import SAMPLES_PER_S, Samples

WINDOW_S: Final = 28
FRAMES: Final = 3000
"""Of the log-mel spectrogram, 30 s."""

HEAD: Final = """\
| | seconds a window, best | median | RTF best | peak MiB |
|---|---|---|---|---|
"""

Read = Callable[[Sequence[Samples]], list[int]]
"""Windows to the number of tokens said in each."""


def watcherd(folder: Path, dtype: str) -> Read:
    """The recognizer as the engine loads it."""
    from watcherd.engine.checkpoints import resolve  # noqa: PLC0415  in this process no contender pays for another
    from watcherd.engine.devices import place  # noqa: PLC0415
    from watcherd.engine.recognizer import Hints  # noqa: PLC0415
    from watcherd.engine.whisper import WhisperRecognizer  # noqa: PLC0415

    recognizer = WhisperRecognizer(resolve(str(folder), download=False), place("cpu", dtype), batch_size=None)

    def read(windows: Sequence[Samples]) -> list[int]:
        readings = recognizer.read(windows, [Hints("en")] * len(windows))
        return [TOKENS if reading.phrases else 0 for reading in readings]

    return read


def ctranslate2(folder: Path, compute_type: str) -> Read:
    """The model that ``convert`` made, with faster-whisper's front end."""
    import ctranslate2 as runtime  # noqa: PLC0415
    from faster_whisper.feature_extractor import FeatureExtractor  # noqa: PLC0415

    config = json.loads((folder / "config.json").read_text("utf-8"))
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    prompt = [config["decoder_start_token_id"], settings["lang_to_id"]["<|en|>"], settings["task_to_id"]["transcribe"]]
    model: Any = runtime.models.Whisper(
        str(_converted(folder)), device="cpu", compute_type=compute_type, intra_threads=threads()
    )
    extract: Any = FeatureExtractor(feature_size=config["num_mel_bins"])

    def read(windows: Sequence[Samples]) -> list[int]:
        features = np.stack(
            [extract(np.pad(window, (0, 30 * SAMPLES_PER_S - len(window))))[:, :3000] for window in windows]
        )
        said = model.generate(
            runtime.StorageView.from_array(np.ascontiguousarray(features, np.float32)),
            [prompt] * len(windows),
            beam_size=1,
            max_length=2 * TOKENS,  # it takes half of this for what is generated
        )
        return [len(result.sequences_ids[0]) for result in said]

    return read


CONTENDERS: Final[Mapping[str, Callable[[Path], Read]]] = {
    "watcherd float32": partial(watcherd, dtype="float32"),
    "watcherd int8": partial(watcherd, dtype="int8"),
    "CTranslate2 float32": partial(ctranslate2, compute_type="float32"),
    "CTranslate2 int8": partial(ctranslate2, compute_type="int8"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the model, run the contenders in turn, round by round, and print the table."""
    options = _options(arguments)
    if options.contender:
        name, folder, windows = options.contender
        _run(CONTENDERS[name], Path(folder), int(windows))
        return
    runs = {name: Runs() for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_random(options.shape, Path(scratch, "model"))
        convert(folder)
        for turn in range(options.rounds):
            for name, done in runs.items():
                print(f"round {turn + 1}: {name}", file=sys.stderr, flush=True)
                done.add(measure("bench.shape", "--contender", name, str(folder), str(options.windows)))
    rows = "".join(
        f"| {name} | {done.best_s / options.windows:.2f} | {done.median_s / options.windows:.2f} "
        f"| {done.best_s / options.windows / WINDOW_S:.3f} | {done.peak_mib:.0f} |\n"
        for name, done in runs.items()
    )
    caption = (
        f"The shape of {options.shape} with random weights: {options.windows} windows of {WINDOW_S} s in one batch, "
        f"{TOKENS} tokens each, {options.rounds} rounds.\n"
    )
    write(f"{caption}\n{HEAD}{rows}", "bench.shape", options.output, f"shape-{options.shape}.md")


def _run(load: Callable[[Path], Read], folder: Path, count: int) -> None:
    read = load(folder)
    random = np.random.default_rng(1)
    windows = [0.1 * random.standard_normal(WINDOW_S * SAMPLES_PER_S).astype(np.float32) for _ in range(count)]
    read(windows[:1])
    started = time.monotonic()
    tokens = read(windows)
    seconds = time.monotonic() - started
    if tokens != [TOKENS] * count:
        raise ValueError(f"{TOKENS} tokens were to be said in each window, not {tokens}")
    print(json.dumps({"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _converted(folder: Path) -> Path:
    return folder.with_name("ctranslate2")


def convert(folder: Path) -> None:
    """Bring a checkpoint to CTranslate2's layout, in a folder beside it."""
    from ctranslate2.converters import TransformersConverter  # noqa: PLC0415

    TransformersConverter(str(folder), load_as_float16=True).convert(str(_converted(folder)), quantization="float16")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.shape", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", default="distil-large-v3", choices=SHAPES)
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path, help="a folder that the table is written to as well")
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

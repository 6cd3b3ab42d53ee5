"""Whether memory grows with the recording: the same tape once, and over and over for hours. ``python -m bench.length``.

Every contender has a process of its own for each of the two, so that the most memory that it had is the recording's.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.contender import CONTENDERS, WARM_UP_S
from bench.processes import measure
from bench.results import table, write
from bench.speech import speech
from bench.tape import tape
from watcherd.engine.checkpoints import PREFIX
from watcherd.engine.packaged import PACKAGES

DEFAULT: Final = ("watcherd int8", "faster-whisper int8, beam 1, VAD")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run each contender over both recordings, and write the table down."""
    options = _options(arguments)
    said = speech("en")
    with tempfile.TemporaryDirectory() as scratch:
        warm_up, short, long = (Path(scratch, f"{name}.wav") for name in ("warm-up", "short", "long"))
        tape(said, WARM_UP_S, 1000).write(warm_up)
        once = tape(said, options.minutes * 60, 1)
        once.write(short)
        _repeat(short, options.hours * 3600, long)
        rows = []
        for name in options.contenders:
            print(name, file=sys.stderr, flush=True)
            given = (name, options.model, "en", str(warm_up))
            found = [measure("bench.contender", *given, str(path)) for path in (short, long)]
            peaks = [each["peak_mib"] for each in found]
            rtf = found[1]["seconds"] / (options.hours * 3600)
            rows.append([name, *(f"{peak:.0f}" for peak in (*peaks, peaks[1] - peaks[0])), f"{rtf:.4f}"])
    head = (
        "",
        f"peak MiB, {once.duration_s / 60:.1f} min",
        f"peak MiB, {options.hours:g} h",
        "more",
        "RTF of the long",
    )
    caption = f"{options.model}: a tape, and the same tape again and again for {options.hours:g} hours.\n"
    write(f"{caption}\n{table(head, rows)}\n", "bench.length", options.output, "length.md")


def _repeat(source: Path, seconds: float, target: Path) -> None:
    """As often as it takes; FLAC or the like would do as well, but this costs the least."""
    again = ["-stream_loop", "-1", "-i", str(source), "-t", str(seconds), "-c", "copy", str(target)]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *again], check=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.length", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="packaged:tiny.en", choices=[PREFIX + name for name in PACKAGES])
    parser.add_argument("--minutes", type=float, default=10, help="the least length of the short recording")
    parser.add_argument("--hours", type=float, default=10, help="the length of the long recording")
    parser.add_argument("--contenders", nargs="+", default=DEFAULT, choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--output", type=Path, help="a folder that the table is written to as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

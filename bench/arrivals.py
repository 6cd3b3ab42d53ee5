"""How many new recordings a second the daemon takes in: many short ones in which nobody speaks, dropped all at once.

No model runs over them, so this is the price of everything else: seeing, settling, hashing, probing, decoding, voice
activity, the ledger and an empty sidecar each. The peer is the least that could be done: ffmpeg decodes each of some of
them once, one process on each core, and nothing is remembered. It runs before and after.
"""

import argparse
import os
import subprocess
import tempfile
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from bench.daemon import Daemon, running
from bench.results import table, write

RATE = 16_000
LOUDEST = 3
"""Of 32768: noise that nobody hears makes each recording another one, by its samples as well."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--model", default="packaged:tiny.en")
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the table there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watcherd-bench-") as folder:
        place = Path(folder)
        dropped = place / "dropped"
        _record(dropped, arguments.files, arguments.seconds)
        names = [path.name for path in sorted(dropped.iterdir())][: max(100, arguments.files // 40)]
        before_s = _decode_all([dropped / name for name in names])
        with running(place, arguments.model) as daemon:
            process = psutil.Process(daemon.process.pid)
            started = time.monotonic()
            dropped.rename(daemon.folder / "dropped")
            peak_mb = _wait(daemon, process, arguments.files)
            ours_s = (time.monotonic() - started) / arguments.files
            after_s = _decode_all([daemon.folder / "dropped" / name for name in names])
    peer_s = (before_s + after_s) / 2
    rows = [
        ["watcherd, from the drop to `no_speech`", f"{1 / ours_s:.1f}", f"{peak_mb:.0f} MB"],
        ["ffmpeg alone, one process on each core", f"{1 / peer_s:.1f}", "-"],
    ]
    body = table(("", "recordings a second", "memory of the daemon"), rows)
    note = f"watcherd takes {ours_s / peer_s:.1f} times as long as the bare decoding."
    title = f"# {arguments.files:,} new recordings of {arguments.seconds:g} s without speech"
    write(f"{title}\n\n{body}\n\n{note}\n", "bench.arrivals", arguments.output, "arrivals.md")


def _record(folder: Path, files: int, seconds: float) -> None:
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(files):
        samples = noise.integers(-LOUDEST, LOUDEST + 1, round(seconds * RATE), dtype="<i2")
        with wave.open(str(folder / f"{number:05}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())


def _decode_all(paths: list[Path]) -> float:
    """Seconds for each recording."""

    def decode(path: Path) -> None:
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path)]
        output = ["-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1"]
        subprocess.run([*command, *output], stdout=subprocess.DEVNULL, check=True)

    started = time.monotonic()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(decode, paths))
    return (time.monotonic() - started) / len(paths)


def _wait(daemon: Daemon, process: psutil.Process, files: int) -> float:
    """Until every recording is done; the most memory that was seen, in MB."""
    most = 0.0
    while daemon.status()["counts"].get("no_speech", 0) < files:
        most = max(most, process.memory_info().rss / 1e6)
        time.sleep(1)
    return most


if __name__ == "__main__":
    main()

"""How long a short memo takes from the moment its file is closed to its sidecar, while the daemon is idle.

Beside it stands what cannot be less: the seconds of compute that the recognition itself took, by the ledger.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from bench.daemon import Daemon, running
from bench.results import table, write

SOURCE = Path(__file__).parents[1] / "recordings" / "welcome.flac"
PATIENCE_S = 120


class _Appearance(FileSystemEventHandler):
    """Remembers when a file of this name came to be."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.at = 0.0
        self.there = threading.Event()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not self.there.is_set() and self._name in (Path(str(event.src_path)).name, Path(str(event.dest_path)).name):
            self.at = time.monotonic()
            self.there.set()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memos", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--model", nargs="+", default=["packaged:tiny.en", "packaged:base"])
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the table there")
    arguments = parser.parse_args()
    rows = []
    for model in arguments.model:
        with tempfile.TemporaryDirectory(prefix="watcherd-bench-") as folder:
            place = Path(folder)
            with running(place, model) as daemon:
                # The first recording pays for what libraries put off until they are used.
                _latency(daemon, place, 0, arguments.seconds)
                seconds = [
                    _latency(daemon, place, number, arguments.seconds) for number in range(1, 1 + arguments.memos)
                ]
                compute = _compute_seconds(daemon)[1:]
        rows.append(
            [
                model,
                *(f"{value:.2f} s" for value in (statistics.median(seconds), max(seconds), statistics.median(compute))),
            ]
        )
    body = table(("model", "median", "slowest", "of it compute"), rows)
    title = f"# From the close of a {arguments.seconds:g} s memo to its sidecar, while nothing else is done"
    write(f"{title}\n\n{body}\n", "bench.memo", arguments.output, "memo.md")


def _latency(daemon: Daemon, place: Path, number: int, seconds: float) -> float:
    """Copy one memo into the folder, as any program does, and wait for its sidecar."""
    memo = place / f"{number}.flac"
    # Each cut a little later in the source, so that no two memos are one recording.
    cut = ["-ss", f"{number / 50:.2f}", "-t", str(seconds), "-i", str(SOURCE)]
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *cut, str(memo)], check=True)
    appearance = _Appearance(f"{number}.txt")
    observer = Observer()
    observer.schedule(appearance, str(daemon.folder))
    observer.start()
    with (daemon.folder / memo.name).open("wb") as copy, memo.open("rb") as original:
        shutil.copyfileobj(original, copy)
    closed = time.monotonic()
    if not appearance.there.wait(PATIENCE_S):
        raise RuntimeError(f"no sidecar of {memo.name} came")
    observer.stop()
    observer.join()
    return appearance.at - closed


def _compute_seconds(daemon: Daemon) -> list[float]:
    command = [sys.executable, "-m", "watcherd", "list", "--json", "-c", str(daemon.config)]
    entries = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [entry["transcribed_s"] for entry in entries]


if __name__ == "__main__":
    main()

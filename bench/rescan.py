"""How long a scan of a folder takes whose recordings are all known, and how much memory the daemon needs for it.

The peer is what most watchers do where inotify cannot be trusted: two snapshots of watchdog's polling observer and the
difference between them.
"""

import argparse
import hashlib
import multiprocessing
import os
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from watchdog.utils.dirsnapshot import DirectorySnapshot, DirectorySnapshotDiff

from bench.results import table, write
from watcherd.config import Settings, load
from watcherd.discovery.discovery import Discovery, ignore_sigio
from watcherd.discovery.sightings import ScanComplete, Sighting
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.records import Result, StatKey
from watcherd.transcript import Segment, Transcript

P = ParamSpec("P")
T = TypeVar("T")

FILES_PER_FOLDER = 100
PATIENCE_S = 600

Runs = Sequence[tuple[float, float]]
"""Of each run its seconds, and the peak of its memory in MB."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the table there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watcherd-bench-") as folder:
        place = Path(folder)
        # Apart, too: a process that is started by a large one begins with its peak of memory.
        settings, _ = _apart(_prepare, place, arguments.files)
        whole = [_once(place) for _ in range(arguments.rounds)]
        nothing = [_once(_empty(place)) for _ in range(arguments.rounds)]
        ours = [_apart(_scan_seconds, settings) for _ in range(arguments.rounds)]
        peer = [_apart(_snapshot_seconds, settings) for _ in range(arguments.rounds)]
    title = f"# A rescan of {arguments.files:,} known recordings"
    write(f"{title}\n\n{_body(whole, nothing, ours, peer)}\n", "bench.rescan", arguments.output, "rescan.md")


def _body(
    whole: Runs,
    nothing: Runs,
    ours: Runs,
    peer: Runs,
) -> str:
    rows = [
        ("`watcherd once`: start, scan, end", whole),
        ("`watcherd once` over an empty folder", nothing),
        ("discovery alone: watch every folder, scan, ask the ledger for every file", ours),
        ("watchdog's polling observer: two snapshots and their difference", peer),
    ]
    shown = [
        [what, f"{statistics.median(s for s, _ in runs):.2f} s", f"{statistics.median(mb for _, mb in runs):.0f} MB"]
        for what, runs in rows
    ]
    ratio = statistics.median(a / b for (a, _), (b, _) in zip(ours, peer, strict=True))
    note = (
        f"Medians of {len(ours)} runs, each in a process of its own; memory is its peak. Discovery / peer: {ratio:.2f}."
    )
    return f"{table(('', 'time', 'memory'), shown)}\n\n{note}"


def _prepare(place: Path, files: int) -> Settings:
    """A root with this many recordings, all of them done by what the ledger says."""
    root = place / "recordings"
    (place / "config.toml").write_text(
        f'[model]\nid = "packaged:tiny.en"\n[[watch]]\npath = "{root}"\n[ledger]\npath = "{place}/ledger.sqlite3"\n'
    )
    paths = [root / f"{number // FILES_PER_FOLDER:04}" / f"{number:06}.wav" for number in range(files)]
    for folder in dict.fromkeys(path.parent for path in paths):
        folder.mkdir(parents=True)
    for path in paths:
        path.write_bytes(path.name.encode())
    settings = load(place / "config.toml")
    result = Result(
        transcript=Transcript("en", 1000, (Segment(0, 1000, "This is what was said."),)),
        model_id="packaged:tiny.en",
        model_revision=None,
        settings_fingerprint="",
        compute_ms=100,
    )
    with Ledger.open(settings.ledger.path) as ledger:
        for path in paths:
            digest = hashlib.sha256(path.read_bytes()).digest()
            binding = ledger.paths.bind(path, StatKey.from_stat(path.lstat()), digest, None)
            (work,) = filter(None, [ledger.queue.next([path.parent])])
            ledger.queue.claim(work)
            ledger.queue.store_result(binding.content_id, result)
            (publication,) = ledger.publishing.due([path.parent])
            ledger.publishing.published(publication)
    return settings


def _empty(place: Path) -> Path:
    empty = place / "empty"
    (empty / "recordings").mkdir(parents=True, exist_ok=True)
    config = (place / "config.toml").read_text().replace(str(place), str(empty))
    (empty / "config.toml").write_text(config)
    return empty


def _once(place: Path) -> tuple[float, float]:
    """Seconds, and the peak of the process's memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "watcherd", "once", "-c", place / "config.toml"], stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"watcherd once ended with {process.returncode}")
    return time.monotonic() - started, usage.ru_maxrss / 1000


def _apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """Call it in a fresh process; what it returns, and the peak of that process's memory in MB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        returned = process.submit(function, *args, **kwargs).result()
        return returned, process.submit(_peak_mb).result()


def _peak_mb() -> float:
    peak = re.search(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(peak[1]) / 1000 if peak else 0.0


def _scan_seconds(settings: Settings) -> float:
    ignore_sigio()
    heard: queue.SimpleQueue[Sighting] = queue.SimpleQueue()
    discovery = Discovery(settings.watch, lambda: Reader.open(settings.ledger.path), heard.put)
    started = time.monotonic()
    discovery.start()
    while not isinstance(heard.get(timeout=PATIENCE_S), ScanComplete):
        pass
    seconds = time.monotonic() - started
    discovery.stop()
    return seconds


def _snapshot_seconds(settings: Settings) -> float:
    (root,) = settings.watch
    started = time.monotonic()
    before = DirectorySnapshot(str(root.path))
    after = DirectorySnapshot(str(root.path))
    DirectorySnapshotDiff(before, after)
    return time.monotonic() - started


if __name__ == "__main__":
    main()

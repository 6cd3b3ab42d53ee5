"""Kills the daemon again and again while a folder changes under it, then looks whether anything was lost or done twice.

``python -m tests.fuzz.run --kills 200 --seed 1``; ``make fuzz`` does that with a new seed, which is printed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fuzz.fake_engine import text_of

LONGEST_LIFE_S: Final = 1.6
"""Of a daemon; it takes about half a second to come up, so that some are killed at every stage of their start, too."""

END_PATIENCE_S: Final = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run happens."""

    folder: Path
    config: Path
    ledger: Path

    @classmethod
    def make(cls, base: Path) -> "Place":
        """A folder of recordings, a configuration and a place for the ledger."""
        place = cls(base / "recordings", base / "config.toml", base / "state" / "ledger.sqlite3")
        place.folder.mkdir()
        place.config.write_text(
            f'[model]\nid = "fake"\n[[watch]]\npath = "{place.folder}"\nsettle = "200ms"\n'
            f'[ledger]\npath = "{place.ledger}"\n'
        )
        return place

    def start(self, command: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """A command of watcherd, its output at the end of the log."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.daemon", command, "-c", self.config, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


@contextmanager
def chaos(place: Place, seed: int, actions: int) -> Iterator[subprocess.Popen[str]]:
    """The folder changes while this is entered; at the end its last action is finished."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.chaos", place.folder, str(seed), str(actions)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def kill_again_and_again(place: Place, seed: int, kills: int, log: Path) -> int:
    """Start and kill the daemon while the folder changes; returns how many died of SIGKILL."""
    source = random.Random(seed)
    killed = 0
    with chaos(place, seed, actions=10**9):
        for _ in range(kills):
            daemon = place.start("run", log=log)
            try:
                daemon.wait(source.uniform(0.0, LONGEST_LIFE_S))
            except subprocess.TimeoutExpired:
                daemon.kill()
            killed += daemon.wait() == -signal.SIGKILL
    return killed


def finish(place: Place, log: Path) -> list[dict[str, Any]]:
    """Let a daemon do in peace what is left; returns what ``list --json`` says then."""
    once = place.start("once", log=log)
    if once.wait(END_PATIENCE_S) != 0:
        raise AssertionError(f"the last run ended with {once.returncode}; see {log}")
    listed = subprocess.run(
        [sys.executable, "-m", "watcherd", "list", "--json", "-c", place.config], check=True, capture_output=True
    )
    entries: list[dict[str, Any]] = json.loads(listed.stdout)
    return entries


def violations(place: Place, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Every broken promise, as a sentence."""
    listed = {Path(entry["path"]): entry for entry in entries}
    recordings = set(place.folder.rglob("*.mp3"))
    for path in sorted(recordings ^ listed.keys()):
        yield f"{path} is " + ("not in the ledger" if path in recordings else "in the ledger and not there")
    for path in sorted(recordings & listed.keys()):
        yield from _violations_of(path, listed[path])
    for path in place.folder.rglob(".*"):
        if "watcherd" in path.name:
            yield f"{path} is a temporary file that was left"
    yield from _ledger_violations(place.ledger)


def _violations_of(path: Path, entry: dict[str, Any]) -> Iterator[str]:
    if entry["state"] != "done":
        yield f"{path} is {entry['state']}: {entry['error']}"
    expected = text_of(path.read_bytes())
    for suffix in (".srt", ".txt"):
        sidecar = path.with_suffix(suffix)
        if not sidecar.exists():
            yield f"{sidecar} is missing"
        elif expected not in sidecar.read_text():
            yield f"{sidecar} has the text of another recording"
    named = {path.with_suffix(".srt"), path.with_suffix(".txt")}
    if {Path(sidecar) for sidecar in entry["sidecars"]} != named:
        yield f"the ledger names the sidecars {entry['sidecars']} for {path}"


def _ledger_violations(ledger: Path) -> Iterator[str]:
    with sqlite3.connect(ledger) as db:
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            yield f"the ledger is damaged: {verdict}"
        twice = db.execute(
            """
            SELECT content_id FROM events AS later
            WHERE to_state = 'running' AND EXISTS (
                SELECT 1 FROM events AS earlier
                WHERE earlier.content_id = later.content_id AND earlier.id < later.id
                  AND earlier.from_state = 'running' AND earlier.to_state = 'transcribed')
            """
        ).fetchall()
        for (content_id,) in twice:
            yield f"content {content_id} was transcribed again after its result was stored"
    db.close()


def fuzz(base: Path, seed: int, kills: int) -> None:
    """One whole run.

    Raises:
        AssertionError: with every promise that was broken.
    """
    place, log = Place.make(base), base / "log"
    began = time.monotonic()
    killed = kill_again_and_again(place, seed, kills, log)
    entries = finish(place, log)
    broken = list(violations(place, entries))
    print(
        f"seed {seed}: {killed} daemons killed in {time.monotonic() - began:.0f} s, {len(entries)} recordings, "
        f"{len(broken)} promises broken"
    )
    if broken:
        raise AssertionError("\n".join([f"seed {seed}, log {log}:", *broken]))


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    base = Path(tempfile.mkdtemp(prefix="watcherd-fuzz-"))
    fuzz(base, options.seed, options.kills)
    shutil.rmtree(base)


if __name__ == "__main__":
    main()

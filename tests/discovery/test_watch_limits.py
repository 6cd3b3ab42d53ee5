"""What happens when the kernel grants no more inotify watches: tried in a user namespace with limits of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import queue, sys
from pathlib import Path
from tests.discovery.conftest import QUICK, Root
from watcherd.discovery.discovery import Discovery, ignore_sigio
from watcherd.discovery.sightings import Found, RootOnline, WatchLimitReached
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader

folder, database = Path(sys.argv[1]), Path(sys.argv[2])
ignore_sigio()
ledger = Ledger.open(database)
told = queue.SimpleQueue()
discovery = Discovery([Root(folder)], lambda: Reader.open(database), told.put, QUICK)
discovery.start()

def until(kind, match=lambda _: True):
    while True:
        sighting = told.get(timeout=30)
        match sighting:
            case WatchLimitReached():
                print("limit", sighting.remedy)
            case RootOnline():
                print("online", sighting.mode)
            case Found():
                ledger.paths.bind(sighting.path, sighting.stat_key, sighting.sha256)
                print("found", sighting.path.name)
        if isinstance(sighting, kind) and match(sighting):
            return

until(RootOnline, lambda online: online.mode == "poll")
(folder / "3" / "late.mp3").write_bytes(b"late")
until(Found)
Path(sys.argv[3]).write_text("1000")
until(RootOnline, lambda online: online.mode == "events")
(folder / "3" / "later.mp3").write_bytes(b"later")
until(Found, lambda found: found.path.name == "later.mp3")
discovery.stop()
ledger.close()
"""

LIMITS = Path("/proc/sys/user")


@pytest.mark.parametrize(
    ("limit", "value", "named"),
    [("max_inotify_watches", 3, "max_user_watches"), ("max_inotify_instances", 0, "max_user_instances")],
)
def test_a_root_without_enough_watches_is_polled_until_there_are(
    tmp_path: Path, folder: Path, limit: str, value: int, named: str
) -> None:
    for number in range(6):
        (folder / str(number)).mkdir()
    (tmp_path / "ledger").mkdir()
    limited = f'echo {value} > {LIMITS / limit} && exec "$@"'
    if subprocess.run(
        ["unshare", "-Ur", "sh", "-c", limited, "sh", "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("user namespaces with limits of their own are not allowed here")
    database = tmp_path / "ledger" / "ledger.sqlite3"
    program: list[str | Path] = [sys.executable, "-c", SCRIPT, folder, database, LIMITS / limit]
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", limited, "sh", *program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    warnings = [line for line in lines if line.startswith("limit")]
    assert len(warnings) == 1
    assert f"sudo sysctl fs.inotify.{named}=" in warnings[0]
    modes = [line for line in lines if line.startswith("online")]
    assert modes[-2:] == ["online poll", "online events"]
    assert [line for line in lines if line.startswith("found")] == ["found late.mp3", "found later.mp3"]

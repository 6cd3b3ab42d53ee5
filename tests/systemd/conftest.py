"""A real systemd, booted in a box that is thrown away; see boot.sh."""

import json
import site
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from watcherd.service.events import Event

REPOSITORY = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot.sh")
CANNOT = 77
NEEDED = sorted({REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)})
"""What watcherd and Python consist of here; a box shows the same."""
HIDDEN = ("/tmp", "/var/tmp", "/run", "/dev")  # noqa: S108  not used as such: a service with PrivateTmp= sees others
INSIDE = "--mount --uts --ipc --net --pid --cgroup --root --wd".split()

ENVIRON = {"HOME": "/root", "LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""Of the tests' own environment, nothing gets into a box."""

WATCHERD = Path("/opt/watcherd/bin/watcherd")
"""In a box, watcherd is installed where every user can reach it."""


def message_id(event: Event) -> str:
    """A match for the records of this event."""
    return f"MESSAGE_ID={event.value.message_id}"


class Box:
    """A machine of its own, seen from outside."""

    def __init__(self, pid: str) -> None:
        self._enter = ["nsenter", "--target", pid, *INSIDE]

    def run(
        self, *command: str | Path, user: str | None = None, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the box, whatever comes of it."""
        return subprocess.run(
            self._line(command, user, environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env=ENVIRON,
            check=False,
        )

    def said(self, *command: str | Path, user: str | None = None, environ: Mapping[str, str] | None = None) -> str:
        """Run a command in the box that has to succeed, and return what it printed."""
        done = self.run(*command, user=user, environ=environ)
        assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Make a file in the box, and the folders that it lies in."""
        subprocess.run(
            [*self._enter, "sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1"', "sh", path],
            input=textwrap.dedent(text),
            text=True,
            check=True,
        )

    def copy(self, source: Path, target: str) -> None:
        """Bring a file into the box as a recording arrives: under a temporary name, then renamed.

        It belongs to whoever the folder belongs to, who can tell at once that nobody writes it any more.
        """
        with source.open("rb") as file:
            command = (
                'cat >"$1.part" && chmod 644 "$1.part" && chown --reference="${1%/*}" "$1.part" && mv "$1.part" "$1"'
            )
            subprocess.run([*self._enter, "sh", "-c", command, "sh", target], stdin=file, check=True)

    def await_record(self, *matches: str) -> dict[str, Any]:
        """The first record in the journal that has these fields, waited for if it is not there yet."""
        command = [*self._enter, "timeout", "100", "journalctl", "--follow", "--lines=all", "--output=json", *matches]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as journal:
            assert journal.stdout is not None
            line = journal.stdout.readline()
            journal.terminate()
            journal.stdout.close()
        assert line, f"there is no record with {matches}:\n{self.said('journalctl', '--lines=50')}"
        record: dict[str, Any] = json.loads(line)
        return record

    def later(self) -> str:
        """A match for ``await_record``: only what the journal gets from now on."""
        # Not by --after-cursor: together with matches, older versions of journalctl pass over the first record.
        return "--since=" + self.said("date", "+@%s.%6N").strip()

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """All records that have these fields."""
        return [json.loads(line) for line in self.said("journalctl", "--output=json", *matches).splitlines()]

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit."""
        shown = self.said("systemctl", "show", f"--property={','.join(properties)}", unit)
        return dict(line.split("=", 1) for line in shown.splitlines())

    def _line(self, command: Sequence[str | Path], user: str | None, environ: Mapping[str, str]) -> list[str | Path]:
        settings = [f"{name}={value}" for name, value in environ.items()]
        if user is None:
            return [*self._enter, "env", *settings, *command]
        return [
            *self._enter,
            "runuser",
            "-u",
            user,
            "--",
            "env",
            *settings,
            *command,
        ]


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """One box for the tests of a module, with watcherd installed in it, and no service yet."""
    for needed in NEEDED:
        if any(needed.is_relative_to(hidden) for hidden in HIDDEN):
            pytest.skip(f"services do not see {needed}")
    with subprocess.Popen(
        [BOOT, *_mounted_elsewhere()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as booting:
        assert booting.stdin is not None
        assert booting.stdout is not None
        assert booting.stderr is not None
        pid = booting.stdout.readline().strip()
        if not pid:
            reason = booting.stderr.read().strip()
            assert booting.wait() == CANNOT, reason
            pytest.skip(f"cannot boot a systemd here: {reason}")
        box = Box(pid)
        # Where Python itself lies below somebody's home, the box opens it; outside it stays as it is.
        closed = {folder for needed in NEEDED for folder in (needed, *needed.parents) if not folder.stat().st_mode & 1}
        for folder in closed:
            box.said("chmod", "a+x", folder)
        assert install_watcherd(box, WATCHERD.parents[1]) == WATCHERD
        yield box
        booting.stdin.close()
        assert booting.wait() == 0


def install_watcherd(box: Box, folder: Path) -> Path:
    """Make a virtual environment with what the tests themselves run with, and return its watcherd."""
    box.said(sys.executable, "-m", "venv", "--without-pip", folder)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    paths = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    box.write(f"{folder}/lib/{version}/site-packages/tests.pth", "\n".join([str(REPOSITORY), *paths, ""]))
    script = folder / "bin" / "watcherd"
    box.write(str(script), f"#!{folder}/bin/python\nimport sys\nfrom watcherd.cli import main\nsys.exit(main())\n")
    box.said("chmod", "755", script)
    return script


def _mounted_elsewhere() -> list[str]:
    """What the overlay of / does not show, as options of boot.sh."""
    root = Path("/").stat().st_dev
    return [option for folder in NEEDED if folder.stat().st_dev != root for option in ("-b", str(folder))]

"""Who the service runs as, and what that user may do: found out by trying."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watcherd.errors import WatcherdError
from watcherd.names import printable

SERVICE_USER: Final = "watcherd"
NOBODY: Final = 65534
"""The user id without any rights of its own, in all of Linux."""

TRIAL_TIMEOUT_S: Final = 60


def own_program() -> tuple[str, ...]:
    """The command that runs this very watcherd."""
    script = Path(sys.executable).with_name("watcherd")
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "watcherd")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody whose rights can be tried out: oneself, and for root everybody else, too."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    def tries(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command with these rights.

        Raises:
            OSError: it cannot even be started.
        """
        others: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": self.groups}
        return subprocess.run(
            command,
            **({} if self.uid == os.geteuid() else others),
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=TRIAL_TIMEOUT_S,
            check=False,
        )

    def may(self, test: str, path: Path) -> bool:
        """Whether ``test`` of test(1), such as ``-r``, holds for a path."""
        return self.tries(["test", test, str(path)]).returncode == 0


def own_account() -> Account:
    """Who is asking."""
    return _account(pwd.getpwuid(os.geteuid()))


def service_account() -> Account:
    """Who the system's service runs as; before the first installation, somebody without any rights."""
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return Account(SERVICE_USER, NOBODY, NOBODY, ())
    return _account(entry)


def _account(entry: pwd.struct_passwd) -> Account:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))


def require_reachable(program: Sequence[str], account: Account) -> None:
    """See whether the service could run the program, by running it.

    Raises:
        WatcherdError: it could not, and this is what to do.
    """
    try:
        tried = account.tries([*program, "--version"])
    except OSError as error:
        why = error.strerror or str(error)
    else:
        if tried.returncode == 0:
            return
        why = (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]
    closed = next((folder for folder in _folders_of(program) if not account.may("-x", folder)), None)
    if closed is not None:
        why = f"{printable(closed)} is closed to it"
    raise WatcherdError(
        f"the user that the service would run as, {account.name}, cannot run this watcherd: {printable(why)}",
        path=Path(program[0]),
        remedy="Install watcherd where every user can reach it, such as in a virtual environment in /opt/watcherd, "
        "and run that one's install; or have the service run as yourself: watcherd install --user",
    )


def require_binding(program: Sequence[str]) -> None:
    """See that this watcherd can talk to systemd, which waits for word from the service.

    Raises:
        WatcherdError: systemd-python is missing.
    """
    try:
        import systemd.daemon  # noqa: F401, PLC0415  an optional part
    except ImportError as error:
        raise WatcherdError(
            "systemd-python is not installed, without which systemd would take the service for one that does not start",
            path=Path(program[0]),
            remedy="Install it into the environment of this watcherd: apt install gcc pkg-config libsystemd-dev, "
            "then pip install systemd-python",
        ) from error


def _folders_of(program: Sequence[str]) -> Iterator[Path]:
    """The folders that must be entered to run it, from the root on."""
    for path in (Path(program[0]), Path(os.path.realpath(sys.executable)), Path(__file__)):
        yield from reversed(path.parents)

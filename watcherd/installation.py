"""watcherd as a service of systemd: the files that belong to it, put in place and taken back."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.config import Settings, state_directory
from watcherd.errors import WatcherdError
from watcherd.names import printable
from watcherd.service.accounts import NOBODY, SERVICE_USER, service_account
from watcherd.service.system import SERVICE, SYSTEM_UNITS
from watcherd.service.units import MARK, folders_drop_in, shipped, unit

SYSUSERS: Final = Path("/etc/sysusers.d/watcherd.conf")
TMPFILES: Final = Path("/etc/tmpfiles.d/watcherd.conf")
CATALOG: Final = Path("/usr/local/lib/systemd/catalog/watcherd.catalog")
"""journalctl reads catalogs from here and from /usr/lib, which belongs to packages; not from /etc."""

RUNTIME: Final = Path("/run/systemd/system")
"""There as long as systemd is PID 1, as sd_booted(3) says."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it should be."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Installation:
    """What a service consists of.

    Attributes:
        files: all files, absolute.
        of_user: a service of one user, not of the system.
        config: the configuration that the service runs with.
        folders: what has to be opened to the service, besides its own directories.
    """

    files: tuple[PlannedFile, ...]
    of_user: bool
    config: Path
    folders: tuple[Path, ...]


def system_installation(program: Sequence[str], config: Path, settings: Settings) -> Installation:
    """The service of the system, which runs as a user of its own.

    Args:
        program: the command that is watcherd, its first word an absolute path.
        config: the configuration's file, absolute.
        settings: what stands in it.

    Raises:
        ConfigError: a folder cannot be named in a unit.
    """
    folders = writable_folders(settings)
    files = (
        PlannedFile(SYSTEM_UNITS / SERVICE, unit("watcherd.service", program, config)),
        PlannedFile(SYSTEM_UNITS / f"{SERVICE}.d" / "50-watched-folders.conf", folders_drop_in(folders)),
        PlannedFile(SYSUSERS, shipped("watcherd.sysusers.conf")),
        PlannedFile(TMPFILES, shipped("watcherd.tmpfiles.conf")),
        PlannedFile(CATALOG, shipped("watcherd.catalog")),
    )
    return Installation(files, of_user=False, config=config, folders=folders)


def user_installation(program: Sequence[str], config: Path, environ: Mapping[str, str]) -> Installation:
    """The service of the user who calls. A user's service manager leaves every folder open to it.

    Args:
        program: the command that is watcherd, its first word an absolute path.
        config: the configuration's file, absolute.
        environ: tells where the user's units lie.
    """
    path = user_units(environ) / SERVICE
    files = (PlannedFile(path, unit("user/watcherd.service", program, config)),)
    return Installation(files, of_user=True, config=config, folders=())


def installed_paths(*, of_user: bool, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the files of an installation are, if there is one."""
    if of_user:
        return (user_units(environ) / SERVICE,)
    folders = SYSTEM_UNITS / f"{SERVICE}.d" / "50-watched-folders.conf"
    return (SYSTEM_UNITS / SERVICE, folders, SYSUSERS, TMPFILES, CATALOG)


def user_units(environ: Mapping[str, str]) -> Path:
    """Where the units of a user lie."""
    given = Path(environ.get("XDG_CONFIG_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".config") / "systemd" / "user"


def writable_folders(settings: Settings) -> tuple[Path, ...]:
    """The watched folders, those for sidecars, and the ledger's where it is not in the service's own directory."""
    state = state_directory(os.environ)
    ledger = settings.ledger.path.parent
    roots = [root.path for root in settings.watch]
    outputs = [root.output_dir for root in settings.watch if root.output_dir is not None]
    return tuple(dict.fromkeys([*roots, *outputs, *([] if ledger == state else [ledger])]))


def install(installation: Installation) -> Iterator[str]:
    """Put all in place, and say what was done; doing it again does what is left to be done.

    Raises:
        WatcherdError: a file of somebody else is in the way, or something cannot be written or run.
    """
    for file in installation.files:
        _refuse_foreign(file.path)
    for file in installation.files:
        yield _write(file)
    if not installation.of_user:
        yield from _run("systemd-sysusers", str(SYSUSERS), done=f"the user {SERVICE_USER} is there")
        yield from _run("systemd-tmpfiles", "--create", str(TMPFILES), done="/etc/watcherd is there")
        yield from _update_catalog()
        yield from _what_the_service_may_not(installation)
    yield from _reload(of_user=installation.of_user)


def uninstall(*, of_user: bool, environ: Mapping[str, str]) -> Iterator[str]:
    """Stop the service and remove its files, and say what was done. Ledger, configuration and sidecars stay.

    Raises:
        WatcherdError: a file is somebody else's, or something cannot be removed or run.
    """
    paths = [path for path in installed_paths(of_user=of_user, environ=environ) if path.exists()]
    if not paths:
        yield "nothing is installed"
        return
    for path in paths:
        _refuse_foreign(path)
    if paths[0].name == SERVICE and _manager_runs(of_user=of_user):
        yield from _systemctl("disable", "--now", SERVICE, of_user=of_user, done="the service is stopped")
    for path in paths:
        yield _remove(path)
    if not of_user:
        yield from _update_catalog()
    yield from _reload(of_user=of_user)


def next_steps(*, of_user: bool) -> Iterator[str]:
    """What is left to the user after an installation."""
    systemctl, journalctl = ("systemctl --user", "journalctl --user") if of_user else ("systemctl", "journalctl")
    yield f"start it, now and from now on: {systemctl} enable --now watcherd"
    yield f"have a running one take this over: {systemctl} restart watcherd"
    if of_user:
        yield "have it run while you are not logged in: loginctl enable-linger"
    else:
        yield f"let somebody ask it for its status: usermod --append --groups {SERVICE_USER} NAME"
    yield f"see what it does: {journalctl} -fu watcherd"


def _refuse_foreign(path: Path) -> None:
    try:
        is_ours = path.read_text("utf-8", "replace").startswith(MARK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed("cannot be read", path, error) from error
    if not is_ours:
        raise WatcherdError(
            "this file was not made by watcherd install, and is left alone",
            path=path,
            remedy="Move it away, then run this again; settings of your own belong into a drop-in: systemctl edit",
        )


def _write(file: PlannedFile) -> str:
    name = printable(file.path)
    try:
        before = file.path.read_text("utf-8", "replace") if file.path.exists() else None
        if before == file.text:
            return f"{name} is as it should be"
        file.path.parent.mkdir(parents=True, exist_ok=True)
        new = file.path.with_name(f"{file.path.name}.new")
        new.write_text(file.text, "utf-8")
        new.chmod(0o644)
        new.replace(file.path)
    except OSError as error:
        raise _failed("cannot be written", file.path, error) from error
    return f"wrote {name}" if before is None else f"brought {name} up to date"


def _remove(path: Path) -> str:
    try:
        path.unlink()
        if path.parent.suffix == ".d" and path.parent.parent == SYSTEM_UNITS and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise _failed("cannot be removed", path, error) from error
    return f"removed {printable(path)}"


def _failed(what: str, path: Path, error: OSError) -> WatcherdError:
    return WatcherdError(f"{what}: {error.strerror or error}", path=path, remedy="Permit it, then run this again")


def _what_the_service_may_not(installation: Installation) -> Iterator[str]:
    """Rights that it lacks; it is the user who knows whether to grant them."""
    account = service_account()
    if account.uid == NOBODY:
        return
    if not account.may("-r", installation.config):
        yield f"NOTE {printable(installation.config)} cannot be read by the user {SERVICE_USER}, so it will not start"
    for folder in installation.folders:
        if folder.is_dir() and not (account.may("-w", folder) and account.may("-x", folder)):
            who = f"u:{SERVICE_USER}:rwX"
            command = f"setfacl -R -m {who},d:{who} {shlex.quote(str(folder))}"
            yield (
                f"NOTE {printable(folder)} cannot be written to by the user {SERVICE_USER}. "
                f"Permit it: {printable(command)}"
            )


def _update_catalog() -> Iterator[str]:
    return _run("journalctl", "--update-catalog", done="journalctl -x knows what there is to know")


def _reload(*, of_user: bool) -> Iterator[str]:
    if _manager_runs(of_user=of_user):
        yield from _systemctl("daemon-reload", of_user=of_user, done="systemd has read its units again")
    else:
        yield "systemd does not run here, and reads its units when it does"


def _manager_runs(*, of_user: bool) -> bool:
    if not of_user:
        return RUNTIME.is_dir()
    folder = os.environ.get("XDG_RUNTIME_DIR")
    return folder is not None and Path(folder, "systemd", "private").exists()


def _systemctl(*arguments: str, of_user: bool, done: str) -> Iterator[str]:
    return _run("systemctl", *(("--user",) if of_user else ()), *arguments, done=done)


def _run(program: str, *arguments: str, done: str) -> Iterator[str]:
    if shutil.which(program) is None:
        yield f"NOTE {program} is not here, so this is left undone: {program} {' '.join(arguments)}"
        return
    ran = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if ran.returncode != 0:
        said = printable("; ".join(ran.stderr.strip().splitlines()) or f"exit status {ran.returncode}")
        raise WatcherdError(
            f"{program} {' '.join(arguments)} failed: {said}", remedy="Put it right, then run this again"
        )
    yield done

"""From a config.toml on disk to Settings."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import tomli

from watcherd.config.complaints import Complaint, refusal
from watcherd.config.lines import line_numbers
from watcherd.config.settings import Settings
from watcherd.config.values import shown, xdg_directory
from watcherd.errors import ConfigError
from watcherd.names import printable

SYSTEM_CONFIG = Path("/etc/watcherd/config.toml")


def find_config(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file to use: the explicit one, ``$WATCHERD_CONFIG``, the user's, the system's.

    Raises:
        ConfigError: there is none, and these are the places looked at.
    """
    if explicit is not None:
        return explicit
    if named := environ.get("WATCHERD_CONFIG"):
        return Path(named)
    places = list(_places(environ))
    for place in places:
        if os.path.lexists(place):
            return place
    looked = ", ".join(["-c FILE", "$WATCHERD_CONFIG", *map(printable, places)])
    raise ConfigError(
        f"there is no configuration; looked at: {looked}",
        remedy=f"Copy config.example.toml to {printable(places[0])} and name your folder in it, "
        "or do without for one folder: watcherd run --watch DIR",
    )


def load(path: Path, *, check_disk: bool = True) -> Settings:
    """Read and check a configuration, with the folders that it names unless the disk is not to be looked at.

    Raises:
        ConfigError: with all that is wrong, one complaint a line.
    """
    text = _read(path)
    document = _parse(text, path)
    return Settings.from_document(
        document, path.absolute().parent, file=path, lines=line_numbers(text), check_disk=check_disk
    )


def ledger_path(path: Path) -> Path:
    """The ledger that a configuration names, whatever else is wrong with it: enough to ask or to look.

    Raises:
        ConfigError: the file cannot be read, or the ledger's own entry is wrong.
    """
    return Settings.ledger_of(_parse(_read(path), path), path.absolute().parent)


def _places(environ: Mapping[str, str]) -> Iterator[Path]:
    user = xdg_directory(environ, "XDG_CONFIG_HOME", ".config")
    if user is not None:
        yield user / "config.toml"
    yield SYSTEM_CONFIG


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            "this configuration does not exist",
            path=path,
            remedy="Copy config.example.toml there and name your folder in it, or name another file: -c FILE",
        ) from error
    except IsADirectoryError as error:
        raise ConfigError("this is a folder", path=path, remedy="Name the config.toml in it") from error
    except OSError as error:
        raise ConfigError(
            f"the configuration cannot be read: {error.strerror or error}",
            path=path,
            remedy="Permit it, or name another file: -c FILE",
        ) from error
    try:
        # Editors on Windows put a byte order mark before UTF-8, which TOML does not know.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
        raise refusal([Complaint((), problem, "Save the file as UTF-8", line)], path) from error


def _parse(text: str, path: Path) -> dict[str, object]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        line = text.split("\n")[error.lineno - 1].strip()
        complaint = Complaint(
            (),
            f"not valid TOML at column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}, in {shown(line)}",
            'Text needs quotes, lists need brackets: settle = "5s", formats = ["srt", "txt"]',
            error.lineno,
        )
    except (ValueError, RecursionError) as error:  # a number of 5000 digits, brackets in 500 brackets
        complaint = Complaint((), f"not usable as TOML: {error}", "See config.example.toml for what can stand there")
    raise refusal([complaint], path)

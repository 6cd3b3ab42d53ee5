"""The texts of the files for systemd: as they are shipped, made to fit this machine, every name quoted as it asks."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from watcherd.errors import ConfigError

MARK: Final = (
    "# Put here by: watcherd install. It replaces this file when it runs again; watcherd uninstall removes it."
)
"""The first line of every file; one without it belongs to somebody else."""


def shipped(name: str) -> str:
    """A file of the folder ``systemd``, marked as ours: of the wheel, or of the checkout that is running."""
    package = Path(__file__).parents[1]
    folder = next(folder for folder in (package / "systemd", package.parent / "systemd") if folder.is_dir())
    return f"{MARK}\n{(folder / name).read_text('utf-8')}"


def unit(name: str, program: Sequence[str], config: Path) -> str:
    """A unit that runs this program with this configuration."""
    text = shipped(name).replace("/usr/bin/watcherd", exec_words(program))
    return text.replace("WATCHERD_CONFIG=%E/watcherd/config.toml", assignment("WATCHERD_CONFIG", str(config)))


def folders_drop_in(folders: Iterable[Path]) -> str:
    """The drop-in that opens the folders to the service; one that is away does not keep it from starting."""
    lines = [f"ReadWritePaths={path_word(folder)}" for folder in folders]
    return "\n".join([MARK, "[Service]", *lines, ""])


def exec_words(words: Sequence[str]) -> str:
    r"""The beginning of a command line, as systemd.service(5) quotes it.

    >>> print(exec_words(["/opt/50% off/python", "-m", "a$b"]))
    "/opt/50%% off/python" "-m" "a$$b"
    """
    program, *arguments = words
    return " ".join([_quoted(program), *(_quoted(argument.replace("$", "$$")) for argument in arguments)])


def assignment(name: str, value: str) -> str:
    """One of Environment=, as systemd.exec(5) quotes it."""
    return _quoted(f"{name}={value}")


def path_word(folder: Path) -> str:
    """A path of ReadWritePaths= that may be absent.

    Raises:
        ConfigError: systemd takes no such name.

    >>> print(path_word(Path("/srv/100% mine")))
    "-/srv/100%% mine"
    """
    if not str(folder).isprintable():  # control characters, and bytes that are not UTF-8
        raise ConfigError(
            "systemd cannot be told to open a folder of this name to the service",
            path=folder,
            remedy="Rename it, watch the folder above it, or run the service as yourself: watcherd install --user",
        )
    return _quoted(f"-{folder}")


def _quoted(text: str) -> str:
    """As systemd.syntax(7) quotes a word, and systemd.unit(5) a percent sign."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'

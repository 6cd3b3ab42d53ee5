"""The errors that watcherd raises on purpose: what failed, on which path, and what to do about it."""

from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from watcherd.names import printable

EXIT_OK = 0
EXIT_WORK_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 69
EXIT_ALREADY_RUNNING = 75
EXIT_CONFIG = 78


class ErrorClass(StrEnum):
    """What an error means for the next attempt."""

    PERMANENT = "permanent"
    """The recording itself is at fault; trying again cannot help."""
    TRANSIENT = "transient"
    """The next attempt may work; it is made by itself, after a wait."""
    BLOCKED = "blocked"
    """Somebody has to change something first: a permission, a full disk."""
    POISON = "poison"
    """The recording killed the engine as often as is allowed."""


class WatcherdError(Exception):
    """Base of every error that is expected to happen.

    ``str(error)`` is one line for a person: the path, what happened, and the remedy. The error survives pickling with
    all its parts, since it crosses from the engine's process to the daemon's.

    Attributes:
        problem: what happened and why, without the path, no full stop at the end.
        path: the file or folder it happened to, if there is one.
        remedy: what the reader can do, an imperative; empty where there is nothing to be done.
    """

    error_class: ClassVar[ErrorClass] = ErrorClass.PERMANENT
    exit_code: int = EXIT_WORK_FAILED

    def __init__(self, problem: str, *, path: Path | None = None, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{printable(self.path)}: " if self.path is not None else ""
        return where + self.without_path()

    def without_path(self) -> str:
        """The problem and the remedy, for places that show the path themselves."""
        return f"{self.problem}. {self.remedy}" if self.remedy else self.problem

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.problem, self.path, self.remedy, self._extra())

    def _extra(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in {"problem", "path", "remedy"}}

    @classmethod
    def rebuild(cls, problem: str, path: Path | None, remedy: str, extra: dict[str, Any]) -> Self:
        """Make the error again from its parts, whatever the subclass's constructor asks for."""
        error = cls.__new__(cls)
        WatcherdError.__init__(error, problem, path=path, remedy=remedy)
        error.__dict__.update(extra)
        return error


def _rebuild(
    kind: type[WatcherdError], problem: str, path: Path | None, remedy: str, extra: dict[str, Any]
) -> WatcherdError:
    return kind.rebuild(problem, path, remedy, extra)


class ConfigError(WatcherdError):
    """The configuration cannot be used; holds every complaint, one a line."""

    exit_code = EXIT_CONFIG


class ModelUnavailableError(WatcherdError):
    """The model cannot be had; the remedy names the command that brings it and the packaged alternative."""

    error_class = ErrorClass.BLOCKED
    exit_code = EXIT_CONFIG


class DeviceUnavailableError(WatcherdError):
    """The configured device or data type cannot be used on this machine."""

    error_class = ErrorClass.BLOCKED
    exit_code = EXIT_CONFIG


class AlreadyRunningError(WatcherdError):
    """Another daemon holds the ledger."""

    exit_code = EXIT_ALREADY_RUNNING


class NotRunningError(WatcherdError):
    """The command needs a running daemon and there is none."""

    exit_code = EXIT_NOT_RUNNING


class UnreachableError(NotRunningError):
    """There may be a daemon, but this user may not ask it, or it does not answer."""


class LedgerError(WatcherdError):
    """The ledger is damaged, was written by a newer watcherd, or cannot be opened."""

    error_class = ErrorClass.BLOCKED
    exit_code = EXIT_CONFIG


class MediaError(WatcherdError):
    """The file holds nothing that can be transcribed: no audio stream, no media, damaged."""


class ToolMissingError(WatcherdError):
    """ffmpeg or ffprobe is not installed."""

    error_class = ErrorClass.BLOCKED
    exit_code = EXIT_CONFIG


class FileUnreadableError(WatcherdError):
    """The recording cannot be opened: permission, or the folder went away."""

    error_class = ErrorClass.BLOCKED


class RecordingChangedError(WatcherdError):
    """The recording vanished or was written to while it was being read; it is looked at anew."""

    error_class = ErrorClass.TRANSIENT


class ReadError(WatcherdError):
    """The disk or the network failed while the recording was being read."""

    error_class = ErrorClass.TRANSIENT


class PublishBlockedError(WatcherdError):
    """A sidecar cannot be written: the folder is read-only, forbidden or full."""

    error_class = ErrorClass.BLOCKED


class EngineDiedError(WatcherdError):
    """The engine's process ended while it had the recording in hand."""

    error_class = ErrorClass.TRANSIENT


class PoisonError(WatcherdError):
    """The recording ended the engine's process as often as is allowed and is set aside."""

    error_class = ErrorClass.POISON


class OutOfMemoryError(WatcherdError):
    """The device had not enough memory, even for the smallest batch."""

    error_class = ErrorClass.TRANSIENT

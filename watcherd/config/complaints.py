"""What is wrong with a configuration: collected in full, then told at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from watcherd.errors import ConfigError
from watcherd.names import printable

Location = tuple[str | int, ...]
"""The way to a key through tables and arrays, which are counted from 0: ``("watch", 0, "settle")``."""

WRONG = "watcherd"
"""The pydantic error type of what ``wrong`` makes."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong."""

    location: Location
    """Empty where it concerns the whole file."""
    problem: str
    remedy: str
    line: int | None = None
    """From 1, where the key stands in the file."""

    def text(self, file: Path | None) -> str:
        """One line: where it is, what is wrong, what to write."""
        said = f"{self.problem}. {self.remedy}"
        if file is None:
            return said
        line = f"{self.line}:" if self.line is not None else ""
        key = f" {key_name(self.location)}:" if self.location else ""
        return f"{printable(file)}:{line}{key} {said}"


def wrong(problem: str, remedy: str) -> PydanticCustomError:
    """The error that a validator raises: what is wrong with the value, and what to write instead."""
    return PydanticCustomError(WRONG, "{problem}. {remedy}", {"problem": problem, "remedy": remedy})


def refusal(complaints: Sequence[Complaint], file: Path | None = None) -> ConfigError:
    """The one error that tells all complaints, in the order of the file's lines."""
    ordered = sorted(complaints, key=lambda complaint: complaint.line or 0)
    lines = [complaint.text(file) for complaint in ordered]
    if file is None:
        return ConfigError("\n".join(lines))
    count = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
    return ConfigError("\n  ".join([f"{count}:", *lines]), path=file)


def key_name(location: Location) -> str:
    """The key as people count: the second ``[[watch]]``'s key is ``watch[2].settle``.

    >>> key_name(("watch", 1, "settle"))
    'watch[2].settle'
    """
    name = ""
    for part in location:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{printable(part)}"
    return name.removeprefix(".")

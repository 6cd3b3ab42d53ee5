"""What came of the rounds, and how it is kept."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import command, machine


@dataclass(slots=True)
class Runs:
    """One contender's rounds."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def best_s(self) -> float:
        """The round that was disturbed the least."""
        return min(self.seconds)

    @property
    def median_s(self) -> float:
        """What to expect."""
        return statistics.median(self.seconds)

    def add(self, *parts: Mapping[str, Any]) -> None:
        """Take in a round, made of what ``measure`` found in each of its parts."""
        self.seconds.append(sum(part["seconds"] for part in parts))
        self.peak_mib = max(self.peak_mib, *(part["peak_mib"] for part in parts))


def write(table: str, module: str, folder: Path | None, name: str) -> None:
    """Print a table with the command and the machine, and keep it in a folder, if one is given."""
    text = f"{table}\n`{command(module)}`\n\n{machine()}\n"
    print(text)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")

"""What came of the rounds, and how it is kept."""

import statistics
from collections.abc import Mapping, Sequence
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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(text: str, module: str, folder: Path | None, name: str) -> None:
    """Print a text with the command and the machine, and keep it in a folder, if one is given."""
    report = f"{text}\n`{command(module)}`\n\n{machine()}\n"
    print(report)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(report, "utf-8")

"""What a measurement is worth nothing without: the machine, the command, and a table."""

import argparse
import os
import platform
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"


def machine() -> str:
    """The processor, how much of it, and what runs on it; for the head of a report."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"{memory / 2**30:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()}"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(name: str, title: str, body: str, arguments: argparse.Namespace) -> None:
    """Print a report and keep it as ``results/NAME.md``, with the command that repeats it."""
    given = [
        f"--{option.replace('_', '-')}={value}"
        for option, values in vars(arguments).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    command = shlex.join(["python", "-m", f"bench.{name}", *given])
    report = f"# {title}\n\n{body}\n\nMeasured on {datetime.now(UTC):%Y-%m-%d}: {machine()}\n\n    {command}\n"
    sys.stdout.write(report)
    (RESULTS / f"{name}.md").write_text(report)

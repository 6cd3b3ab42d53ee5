"""Contenders in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

QUIET: Final = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "GOMP_SPINCOUNT": "3000",  # as watcherd starts its engine
    "TRANSFORMERS_VERBOSITY": "error",
}


def measure(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m MODULE`` and return what its last line says in JSON: ``seconds``, ``peak_mib`` and what else."""
    argv = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(argv, stdout=subprocess.PIPE, env=environment(), check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_mib(pid: int) -> float:
    """The most memory that a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) / 1024


def environment() -> dict[str, str]:
    """What a contender's libraries are told, unless the user tells them something else."""
    return QUIET | os.environ


def threads() -> int:
    """As many as PyTorch takes by itself: one for each processor that this process may use."""
    return len(os.sched_getaffinity(0))

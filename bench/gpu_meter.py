"""How busy a GPU is and how much of its memory is taken, as its driver tells while somebody else computes."""

import shutil
import statistics
import subprocess
import threading
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PERIOD_S: Final = 0.1

AMD_CARDS: Final = Path("/sys/class/drm")

BYTES_PER_MIB: Final = 2**20

Sample = tuple[float, float]
"""Per cent of the time in which the GPU worked, and MiB of its memory in use, by all processes."""


class GpuMeter:
    """Watches the first GPU from ``with`` on to its end; where there is none that tells, it says None.

    Attributes:
        waiting: share of the time in which the GPU had nothing to do.
        peak_mib: the most of its memory that was in use.
    """

    def __init__(self, cards: Path = AMD_CARDS) -> None:
        self.waiting: float | None = None
        self.peak_mib: float | None = None
        self._cards = cards
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        source = self._nvidia() or self._amd()
        if source is not None:
            self._thread = threading.Thread(target=self._samples.extend, args=(source,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join()
        if self._process is not None:
            self._process.__exit__(None, None, None)  # waits, and closes the pipe
        if self._samples:
            self.waiting = 1 - statistics.fmean(busy for busy, _ in self._samples) / 100
            self.peak_mib = max(used for _, used in self._samples)

    def _nvidia(self) -> Iterator[Sample] | None:
        program = shutil.which("nvidia-smi")
        if program is None:
            return None
        query = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--id=0")
        self._process = subprocess.Popen(
            [program, *query, f"--loop-ms={PERIOD_S * 1000:.0f}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return _nvidia_samples(self._process.stdout or ())

    def _amd(self) -> Iterator[Sample] | None:
        card = next(iter(sorted(self._cards.glob("card*/device/gpu_busy_percent"))), None)
        return None if card is None else self._amd_samples(card.parent)

    def _amd_samples(self, card: Path) -> Iterator[Sample]:
        for turn in count():
            if turn and self._ended.wait(PERIOD_S):
                return
            used = int((card / "mem_info_vram_used").read_text("ascii"))
            yield float((card / "gpu_busy_percent").read_text("ascii")), used / BYTES_PER_MIB


def _nvidia_samples(lines: Iterable[str]) -> Iterator[Sample]:
    for line in lines:
        fields = line.split(",")
        if len(fields) == 2 and all(field.strip().isdecimal() for field in fields):  # "[N/A]" on some cards
            yield float(fields[0]), float(fields[1])

"""Batches that do not fit in the device's memory."""

from collections.abc import Callable, Sequence
from typing import Final

import torch

from watcherd.engine.recognizer import Hints, Reading, Recognizer
from watcherd.engine.samples import Samples
from watcherd.errors import OutOfMemoryError

MAX_GPU_BATCH: Final = 32
GPU_MEMORY_SHARE: Final = 0.5
"""Of what is free after loading; the rest is left to workspaces and to whoever shares the card."""

ReadBatch = Callable[[Sequence[Samples], Sequence[Hints]], list[Reading]]


def fitting_batch(device: torch.device, window_bytes: int) -> int:
    """How many windows a GPU should read at once, each of which takes so much of its memory."""
    torch.cuda.empty_cache()  # what loading left
    free_bytes, _ = torch.cuda.mem_get_info(device)
    return max(1, min(int(GPU_MEMORY_SHARE * free_bytes / window_bytes), MAX_GPU_BATCH))


def read_halving(
    recognizer: Recognizer, read_batch: ReadBatch, windows: Sequence[Samples], hints: Sequence[Hints]
) -> list[Reading]:
    """Read a batch; one that does not fit is halved until it does, and the recognizer's batches stay that small.

    Raises:
        OutOfMemoryError: not even a single window fits.
    """
    readings: list[Reading] = []
    while len(readings) < len(windows):
        part = slice(len(readings), len(readings) + recognizer.batch_size)
        try:
            readings += read_batch(windows[part], hints[part])
        except torch.OutOfMemoryError as error:
            count = len(windows[part])
            if count == 1:
                raise OutOfMemoryError(
                    f"{recognizer.placement.name} has not enough memory for a single window of 30 s",
                    remedy='Free memory on the device, choose a smaller model, or set device = "cpu" under [model]',
                ) from error
            recognizer.batch_size = count // 2
        else:
            continue
        if recognizer.placement.device.type == "cuda":
            torch.cuda.empty_cache()  # now that nothing of what was too much is held by the error
    return readings

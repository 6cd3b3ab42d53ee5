"""What the encoder made of windows that are read soon: those that a recording's language was told from."""

from collections import OrderedDict
from typing import Final

import torch

from watcherd.engine.samples import Samples

MOST: Final = 12
"""The first windows of four recordings. Of the largest Whisper each is 8 MB in float32."""


class Encodings:
    """Holds the last ones. A window is known by being the very same array, not by what is in it."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, tuple[Samples, torch.Tensor]] = OrderedDict()

    def keep(self, window: Samples, encoded: torch.Tensor) -> None:
        """Hold what was made of a window, and no more than ``MOST``."""
        self._held[id(window)] = window, encoded  # with the window, so that no other one gets its id
        if len(self._held) > MOST:
            self._held.popitem(last=False)

    def take(self, window: Samples) -> torch.Tensor | None:
        """What was made of it, once; None where that is not held."""
        _, encoded = self._held.pop(id(window), (None, None))
        return encoded

"""The pieces of a window brought to one level: somebody far from the microphone beside somebody near it."""

from dataclasses import replace
from typing import Final

import numpy as np

from watcherd.engine.samples import Samples
from watcherd.engine.windows import Window

LEVEL: Final = 0.25
"""Where the magnitude lies that 99 of 100 samples stay below: loud syllables. Clicks and knocks are shorter."""

SHARE: Final = 0.99

MAX_GAIN: Final = 10.0
"""20 dB, which is what lies between a near and a far voice. What is quieter yet is hardly a voice."""


def evened(window: Window) -> Window:
    """The window with every piece at the same level, cut off at full scale.

    Whisper's log-mel leaves out what lies 80 dB below the loudest moment of a window, and its mean hangs on the level,
    so a quiet piece beside a loud one is heard worse than alone. On eight tapes of ten minutes of English, passages
    between -34 and -16 dBFS, Whisper base made 172 errors instead of 181 (beam search, int8), on three of Spanish 189
    instead of 192 of 2,230 words.
    """
    samples = np.empty_like(window.samples)
    for heard, _ in window.laid_out():
        piece = window.samples[heard.start : heard.end]
        np.clip(piece * _gain(piece), -1, 1, out=samples[heard.start : heard.end])
    return replace(window, samples=samples)


def _gain(piece: Samples) -> np.float32:
    magnitudes = np.abs(piece)
    # By partition, as ``quantile`` sorts and computes in float64.
    place = min(int(SHARE * len(magnitudes)), len(magnitudes) - 1)
    loud = np.partition(magnitudes, place)[place]
    return np.float32(min(LEVEL / loud, MAX_GAIN)) if loud > 0 else np.float32(1)

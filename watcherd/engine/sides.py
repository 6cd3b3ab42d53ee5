"""The two sides of a call, taken apart: each with its own voice, and none with the other's."""

from typing import Final

import numpy as np

from watcherd.engine.mixing import FRAME, Pcm

ALIKE: Final = 0.99
"""Squared correlation from which two channels carry the same sound, whatever their levels and phase. A lossy codec
leaves 0.999 of a voice that was recorded once; two people who speak at a time have less than 0.1."""

BLEEDING: Final = 4.0
"""How many times the energy one channel has at least where the other one only overhears it: 6 dB."""

LOUD: Final = (32768 * 10 ** (-50 / 20)) ** 2
"""Mean square from which a frame counts as sound: -50 dBFS."""

ENOUGH: Final = 0.05
"""Two sides differ, or are each the louder one, in at least this share of the frames with sound."""


class Sides:
    """Takes the channels of a stereo recording apart, in frames of 0.5 s.

    Where both carry the same sound it is given to the louder one alone, or to the left one where both are about equally
    loud; so nothing is read twice. The result depends on nothing but the samples, as long as all pushes before the last
    hold whole frames.
    """

    def __init__(self) -> None:
        self._sounding = 0
        self._differing = 0
        self._louder = [0, 0]

    @property
    def apart(self) -> bool:
        """Whether there have been two sides; False for a recording of one voice on both channels."""
        return max(self._differing, min(self._louder)) > ENOUGH * self._sounding

    def push(self, samples: Pcm) -> tuple[Pcm, Pcm]:
        """Samples [n, 2] to the left side's and the right side's, [n] each."""
        sides = samples.copy()
        for start in range(0, len(sides), FRAME):
            self._part(sides[start : start + FRAME])
        return sides[:, 0], sides[:, 1]

    def _part(self, frame: Pcm) -> None:
        waves = frame.astype(np.float64)
        waves -= waves.mean(axis=0)
        left, right = np.square(waves).sum(axis=0)
        common = float(waves[:, 0] @ waves[:, 1])
        alike = common * common >= ALIKE * left * right > 0
        overheard = alike and max(left, right) > BLEEDING * min(left, right)
        louder = int(overheard and right > left)
        if max(left, right) > LOUD * len(frame):
            self._sounding += 1
            self._differing += not alike
            self._louder[louder] += overheard
        if alike:
            frame[:, 1 - louder] = 0

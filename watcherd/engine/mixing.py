"""Several channels to one, without losing a voice that they carry in opposite phase."""

from typing import Final

import numpy as np
import numpy.typing as npt

from watcherd.engine.samples import SAMPLES_PER_S

Pcm = npt.NDArray[np.int16]

FRAME: Final = SAMPLES_PER_S // 2
"""Samples that are mixed in one way."""

CANCELLED: Final = 2 / 3
"""The mean of n channels of which a single one speaks has 1/n² of that one's energy. Below two thirds of this (-7.8 dB
for two channels), what the channels have in common must be of opposite sign."""

RESTORED: Final = 0.9
"""Above this share of 1/n² the mean is trusted again."""

LOUDER: Final = 2.0
"""How many times the energy of the channel in use another one must have to take its place."""

FADE: Final = SAMPLES_PER_S // 50


class Mixer:
    """Takes the mean of the channels or, as long as they cancel each other, the loudest of them.

    Averaging silences a stereo recording whose sides are wired in opposite phase. The choice is made anew for each
    frame of 0.5 s and faded over 20 ms, so the result depends on nothing but the samples, as long as all pushes before
    the last hold whole frames.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._chosen: int | None = None
        self._weights = self._choice()

    def push(self, samples: Pcm) -> Pcm:
        """Samples [n, channels] to samples [n]."""
        if self._channels == 1:
            return samples[:, 0]
        frames = [self._mix(samples[start : start + FRAME]) for start in range(0, len(samples), FRAME)]
        return np.concatenate(frames) if frames else samples[:, 0]

    def _mix(self, samples: Pcm) -> Pcm:
        waves = samples.astype(np.float64)
        before = self._weights
        self._listen(waves - waves.mean(axis=0))
        self._weights = self._choice()
        mixed = (waves * self._weights).sum(axis=1)
        if not np.array_equal(before, self._weights):
            start = waves[:FADE]
            rising = np.linspace(0.0, 1.0, len(start), endpoint=False)
            mixed[:FADE] = rising * mixed[:FADE] + (1.0 - rising) * (start * before).sum(axis=1)
        rounded: Pcm = np.rint(mixed).astype(np.int16)
        return rounded

    def _listen(self, waves: npt.NDArray[np.float64]) -> None:
        energies = np.square(waves).sum(axis=0)
        loudest = int(energies.argmax())
        # The mean's energy in units of what it would be if the loudest channel spoke alone.
        common = np.square(waves.mean(axis=1)).sum() * self._channels**2
        limit = CANCELLED if self._chosen is None else RESTORED
        if common >= limit * energies[loudest]:
            self._chosen = None
        elif self._chosen is None or energies[loudest] > LOUDER * energies[self._chosen]:
            self._chosen = loudest

    def _choice(self) -> npt.NDArray[np.float64]:
        if self._chosen is None:
            return np.full(self._channels, 1.0 / self._channels)
        only = np.zeros(self._channels)
        only[self._chosen] = 1.0
        return only

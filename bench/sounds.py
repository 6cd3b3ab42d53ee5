"""What is on a tape where nobody speaks: silence, noise, hum and music, as 16 kHz samples."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from watcherd.engine.samples import SAMPLES_PER_S, Samples

MAINS_HZ: Final = 50

BEAT_S: Final = 0.45

CHORDS: Final = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""A major key's first, sixth, fourth and fifth step, in semitones above its root."""

SCALE: Final = (0, 2, 4, 7, 9, 12)
"""What a melody wanders over: a pentatonic scale fits every one of the chords."""

ROOT_HZ: Final = 220.0


def level(samples: Samples, dbfs: float) -> Samples:
    """The same at this root mean square level; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) if len(samples) else 0.0
    return (samples * (10 ** (dbfs / 20) / rms)).astype(np.float32) if rms else samples


def silence(samples: int, _random: np.random.Generator) -> Samples:
    """Digital silence."""
    return np.zeros(samples, np.float32)


def noise(samples: int, random: np.random.Generator) -> Samples:
    """Between white and brown, as wind, fans and rooms sound."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    tilt = np.arange(1, len(spectrum) + 1, dtype=np.float64) ** -random.uniform(0, 1)
    return np.fft.irfft(spectrum * tilt, samples).astype(np.float32)


def hum(samples: int, random: np.random.Generator) -> Samples:
    """Mains hum with harmonics that swell a little."""
    time = np.arange(samples) / SAMPLES_PER_S
    swell = 1 + 0.3 * np.sin(2 * np.pi * random.uniform(0.1, 0.5) * time)
    wave = sum(np.sin(2 * np.pi * MAINS_HZ * harmonic * time) / harmonic for harmonic in (1, 2, 3, 5, 7))
    return np.asarray(wave * swell, np.float32)


def music(samples: int, random: np.random.Generator) -> Samples:
    """Plucked chords with a melody above and a bass below."""
    wave = np.zeros(samples)
    key = random.integers(-5, 6)
    for beat in range(int(samples / SAMPLES_PER_S / BEAT_S) + 1):
        chord = CHORDS[beat // 4 % len(CHORDS)]
        melody = random.choice(SCALE) + 12
        for step, loudness in ((chord[0] - 12, 1.0), (chord[beat % 3], 0.6), (int(melody), 0.8)):
            pitch_hz = ROOT_HZ * 2 ** ((key + step) / 12)
            _strike(wave, round(beat * BEAT_S * SAMPLES_PER_S), pitch_hz, loudness * random.uniform(0.6, 1))
    return wave.astype(np.float32)


INTERLUDES: Final[Mapping[str, Callable[[int, np.random.Generator], Samples]]] = {
    "silence": silence,
    "noise": noise,
    "hum": hum,
    "music": music,
}


def _strike(wave: np.ndarray[tuple[int], np.dtype[np.float64]], start: int, pitch_hz: float, loudness: float) -> None:
    """Add one note that fades for two seconds."""
    count = min(2 * SAMPLES_PER_S, len(wave) - start)
    if count <= 0:
        return
    time = np.arange(count) / SAMPLES_PER_S
    for harmonic in range(1, 6):
        partial = np.sin(2 * np.pi * pitch_hz * harmonic * time) * np.exp(-time * (1.5 + harmonic))
        wave[start : start + count] += loudness / harmonic * partial

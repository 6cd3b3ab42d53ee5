"""A tape: passages of speech with known words, and between them what is no speech."""

import wave
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from bench.sounds import INTERLUDES, level, noise
from bench.speech import Clip, Speech
from watcherd.engine.samples import SAMPLES_PER_S, Samples

CLIPS_IN_PASSAGE: Final = (2, 9)
APART: Final = 0.7
"""Share of the clips that come between a clip and its return."""

PAUSE_S: Final = (0.15, 1.5)
INTERLUDE_S: Final = (3.0, 25.0)
SPEED: Final = (0.93, 1.07)
"""Clips that come again are not the same: other neighbours, another speed and with it another pitch, another level."""

SPEECH_DBFS: Final = (-34.0, -16.0)
INTERLUDE_DBFS: Final = (-55.0, -25.0)
SNR_DB: Final = (12.0, 30.0)
"""Of the passages that lie over noise: every other one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """A recording of which everything is known."""

    samples: Samples
    words: str
    """All that is said on it."""
    spoken: tuple[tuple[float, float], ...]
    """Where somebody speaks: start and end of every clip in seconds."""

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLES_PER_S

    def write(self, path: Path) -> None:
        """As WAV, 16 kHz mono, 16 bits."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLES_PER_S)
            file.writeframes(np.rint(np.clip(self.samples, -1, 1) * 32767).astype("<i2").tobytes())


def tape(speech: Speech, duration_s: float, seed: int, *, interlude_s: tuple[float, float] = INTERLUDE_S) -> Tape:
    """A tape of at least this length, the same for the same speech and seed. It starts and ends without speech.

    Args:
        speech: what is said on it.
        duration_s: it ends with the first interlude after this.
        seed: makes this tape another one.
        interlude_s: the shortest and the longest stretch without speech.
    """
    random = np.random.default_rng(seed)
    clips = _in_turn(speech.clips, random)
    interludes = _in_turn(tuple(INTERLUDES), random)
    parts = [_interlude(next(interludes), interlude_s, random)]
    words: list[str] = []
    spoken: list[tuple[float, float]] = []
    while sum(map(len, parts)) < duration_s * SAMPLES_PER_S:
        chosen = [next(clips) for _ in range(random.integers(*CLIPS_IN_PASSAGE))]
        start = sum(map(len, parts))
        passage, spans = _passage(chosen, random)
        parts += [passage, _interlude(next(interludes), interlude_s, random)]
        words += [clip.words for clip in chosen]
        spoken += [((start + first) / SAMPLES_PER_S, (start + last) / SAMPLES_PER_S) for first, last in spans]
    return Tape(np.concatenate(parts), " ".join(words), tuple(spoken))


def _in_turn(things: Sequence[T], random: np.random.Generator) -> Iterator[T]:
    """One at random, again and again, but none of the latest: models skip what comes twice in a window."""
    latest: deque[int] = deque(maxlen=int(len(things) * APART))
    while True:
        index = int(random.choice([index for index in range(len(things)) if index not in latest]))
        latest.append(index)
        yield things[index]


def _interlude(kind: str, length_s: tuple[float, float], random: np.random.Generator) -> Samples:
    samples = INTERLUDES[kind](round(random.uniform(*length_s) * SAMPLES_PER_S), random)
    return level(samples, random.uniform(*INTERLUDE_DBFS))


def _passage(clips: Sequence[Clip], random: np.random.Generator) -> tuple[Samples, list[tuple[int, int]]]:
    """Clips with pauses, and where in it they lie."""
    parts: list[Samples] = []
    spans: list[tuple[int, int]] = []
    loudness = random.uniform(*SPEECH_DBFS)
    for clip in clips:
        said = level(_at_speed(clip.samples, random.uniform(*SPEED)), loudness)
        start = sum(map(len, parts))
        parts += [said, np.zeros(round(random.uniform(*PAUSE_S) * SAMPLES_PER_S), np.float32)]
        spans.append((start, start + len(said)))
    passage = np.concatenate(parts)
    if random.random() < 0.5:
        passage += level(noise(len(passage), random), loudness - random.uniform(*SNR_DB))
    return passage, spans


def _at_speed(samples: Samples, speed: float) -> Samples:
    places = np.arange(0, len(samples) - 1, speed)
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)

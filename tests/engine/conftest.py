"""Recordings for the engine: speech, noise, hum and silence as samples and in files of any kind."""

import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import Speaker
from watcherd.engine import compiled

RATE = 16_000
SENTENCES = (
    "The quick brown fox jumps over the lazy dog, and then it rests for a while in the shade of an old tree. "
    "Nobody knows how long it slept. When the sun went down, a cold wind came up from the river."
)

Signal = npt.NDArray[Any]


@pytest.fixture
def uncompiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation on a machine without a compiler."""
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    compiled.library.cache_clear()
    yield
    compiled.library.cache_clear()


class WavWriter(Protocol):
    def __call__(self, path: Path, samples: Signal, *, rate: int = RATE) -> Path:
        """Write samples [n] or [n, channels] in [-1, 1] as 16-bit PCM and return the path."""


class Converter(Protocol):
    def __call__(self, source: Path, target: Path, *options: str) -> Path:
        """Let ffmpeg make ``target`` of ``source`` and return it."""


@pytest.fixture(scope="session")
def write_wav() -> WavWriter:
    def write(path: Path, samples: Signal, *, rate: int = RATE) -> Path:
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        return path

    return write


@pytest.fixture(scope="session")
def convert() -> Converter:
    def run(source: Path, target: Path, *options: str) -> Path:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, *options, target], check=True)
        return target

    return run


@pytest.fixture(scope="session")
def speech(speak: Speaker) -> npt.NDArray[np.float32]:
    """Eleven seconds of speech at 16 kHz, three sentences, peaks near full scale. Not to be changed."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(speak(SENTENCES)),
        "-ac",
        "1",
        "-ar",
        str(RATE),
        "-f",
        "f32le",
        "pipe:1",
    ]
    samples = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)
    samples.flags.writeable = False
    return samples


@pytest.fixture(scope="session")
def spoken_file(speak: Speaker) -> Path:
    """The same as a WAV file of 22.05 kHz mono."""
    return speak(SENTENCES)


def noise(seconds: float, dbfs: float, seed: int = 0) -> Signal:
    """White noise of that root mean square level."""
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 10 ** (dbfs / 20)


def hum(seconds: float, dbfs: float) -> Signal:
    """50 Hz mains hum with harmonics."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave_ = sum(np.sin(2 * np.pi * 50 * n * time) / n for n in (1, 2, 3, 5))
    return np.asarray(wave_ / np.sqrt(np.mean(np.square(wave_))) * 10 ** (dbfs / 20))


def silence(seconds: float) -> Signal:
    """Digital silence."""
    return np.zeros(int(seconds * RATE))

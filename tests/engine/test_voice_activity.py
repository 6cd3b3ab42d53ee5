import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.conftest import Signal, hum, noise, silence
from watcherd.engine import voice_activity
from watcherd.engine.samples import FRAME, Samples
from watcherd.engine.voice_activity import VoiceActivity
from watcherd.errors import ModelUnavailableError


@pytest.fixture(scope="module")
def tape(speech: Signal) -> Samples:
    parts = [silence(1), speech, noise(3, -40), speech, hum(3, -35), 0.05 * speech]
    samples = np.concatenate(parts).astype(np.float32)
    return samples[: len(samples) // FRAME * FRAME]


@pytest.fixture
def no_weights() -> Iterator[None]:
    """None are held from before, and what a test has put in their place is forgotten."""
    voice_activity._layers.cache_clear()
    yield
    voice_activity._layers.cache_clear()


def test_its_probabilities_are_those_of_the_package(tape: Samples) -> None:
    # In a process of its own: importing the package changes torch's number of threads.
    script = (
        "import sys, numpy as np, torch, silero_vad\n"
        "model = silero_vad.load_silero_vad()\n"
        f"frames = np.frombuffer(sys.stdin.buffer.read(), np.float32).copy().reshape(-1, {FRAME})\n"
        "said = [model(torch.from_numpy(frame), 16000).item() for frame in frames]\n"
        "sys.stdout.buffer.write(np.array(said, np.float32).tobytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=tape.tobytes(), capture_output=True, check=True)
    expected = np.frombuffer(done.stdout, np.float32)

    found = VoiceActivity()(tape)

    assert np.abs(found - expected).max() < 2e-4
    assert found.min() < 0.01
    assert found.max() > 0.99


def test_a_stream_goes_on_where_it_was(tape: Samples) -> None:
    whole = VoiceActivity()(tape)
    stream = VoiceActivity()

    parts = np.concatenate([stream(tape[start : start + 50 * FRAME]) for start in range(0, len(tape), 50 * FRAME)])

    assert np.abs(parts - whole).max() < 1e-4


def test_streams_do_not_touch_each_other(tape: Samples) -> None:
    alone = VoiceActivity()(tape)
    first, second = VoiceActivity(), VoiceActivity()

    second(tape[: 100 * FRAME])

    assert np.array_equal(first(tape), alone)


@pytest.mark.usefixtures("no_weights")
def test_missing_weights_are_told_with_what_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ModelUnavailableError, match=r"is not installed\. Install it: pip install"):
        VoiceActivity()


@pytest.mark.usefixtures("no_weights")
def test_damaged_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.jit"
    broken.write_bytes(b"no model")
    monkeypatch.setattr(voice_activity, "_model_file", lambda: broken)

    with pytest.raises(ModelUnavailableError, match="cannot be loaded"):
        VoiceActivity()


@pytest.mark.usefixtures("no_weights")
@pytest.mark.filterwarnings("ignore:`torch.jit.:DeprecationWarning")
def test_weights_of_another_network_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.jit"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(other))
    monkeypatch.setattr(voice_activity, "_model_file", lambda: other)

    with pytest.raises(ModelUnavailableError, match="cannot be loaded"):
        VoiceActivity()

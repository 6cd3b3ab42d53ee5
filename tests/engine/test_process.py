"""The engine's process with a recognizer that counts: what is read, and what an interruption costs."""

import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.processes import peak_mib
from tests.engine.conftest import RATE, WavWriter
from tests.engine.model_files import fill
from watcherd.decisions import Decision
from watcherd.engine import client
from watcherd.engine.client import EngineClient, EngineEvent, EngineSaid
from watcherd.engine.messages import (
    Finished,
    FromEngine,
    LoadModel,
    ModelFailed,
    ModelLoaded,
    Transcribe,
    VocabularyCut,
    WindowsRead,
)
from watcherd.partial import Partial

PATIENCE_S = 120
WITHOUT_PYTORCH = """
import sys
sys.modules["torch"] = None  # whoever imports it now gets an ImportError
from watcherd.engine.process import main
main()
"""
GROWTH_MIB = 100
"""Three hours of samples are 330 MiB as they are decoded, and twice that as the model takes them."""


class Talk:
    """One engine, and what it says."""

    def __init__(self, log: Path, batch_size: int) -> None:
        self.log = log
        self._said: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self.cuts: list[VocabularyCut] = []
        self.client = EngineClient(LoadModel(str(log), "cpu", "auto", batch_size), self._said.put)
        self.client.start()
        assert isinstance(self.hear(), ModelLoaded)

    def hear(self) -> FromEngine:
        event = self._said.get(timeout=PATIENCE_S)
        assert isinstance(event, EngineSaid), event
        return event.message

    def finish(self, order: Transcribe) -> tuple[Finished, list[Partial]]:
        """Have it done; returns the result and what could have been kept on the way."""
        self.client.send(order)
        kept: list[Partial] = []
        while not isinstance(message := self.hear(), Finished):
            if isinstance(message, WindowsRead):
                kept.append(message.partials[order.job])
            elif isinstance(message, VocabularyCut):
                self.cuts.append(message)
        return message, kept

    def batches(self) -> list[str]:
        """What the recognizer was given so far."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Talk]]:
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-W", "ignore", "-m", "tests.engine.counting_engine"))
    talks: list[Talk] = []

    def start(batch_size: int) -> Talk:
        talks.append(Talk(tmp_path / f"batches-{len(talks)}", batch_size))
        return talks[-1]

    yield start
    for each in talks:
        each.client.stop()


@pytest.fixture(scope="module")
def recording(speech: npt.NDArray[np.float32], write_wav: WavWriter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nearly a minute and a half of speech: four windows."""
    path = tmp_path_factory.mktemp("recording") / "long.wav"
    return write_wav(path, np.tile(np.concatenate([speech, np.zeros(RATE // 2)]), 7))


def test_what_a_model_lacks_is_told_before_the_seconds_that_pytorch_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fill(tmp_path) / "model.safetensors").unlink()
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", WITHOUT_PYTORCH))
    said: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
    engine = EngineClient(LoadModel(str(tmp_path), "cpu", "auto", "auto"), said.put)
    engine.start()
    event = said.get(timeout=PATIENCE_S)
    engine.stop()
    assert isinstance(event, EngineSaid), event
    assert isinstance(event.message, ModelFailed)
    assert "model.safetensors" in str(event.message.error)


def test_an_interrupted_recording_goes_on_from_its_last_window_and_ends_like_any_other(
    recording: Path, talk: Callable[[int], Talk]
) -> None:
    engine = talk(1)
    undisturbed, kept = engine.finish(Transcribe(1, recording, "auto"))
    first_two = Partial("en", dict(list(kept[0].readings.items()) + list(kept[1].readings.items())))

    again = talk(8)
    resumed, rest = again.finish(Transcribe(1, recording, "auto", first_two))

    assert resumed.transcript == undisturbed.transcript
    assert len(kept) >= 3
    assert sum(map(int, again.batches())) == len(kept) - 2  # and the language was not asked for
    assert sum(len(partial.readings) for partial in rest) == len(kept) - 2


def test_with_every_window_known_the_model_is_not_asked(recording: Path, talk: Callable[[int], Talk]) -> None:
    engine = talk(8)
    undisturbed, kept = engine.finish(Transcribe(1, recording, "en"))
    asked = engine.batches()
    everything = Partial("en", {key: text for partial in kept for key, text in partial.readings.items()})

    resumed, rest = engine.finish(Transcribe(2, recording, "en", everything))

    assert resumed.transcript == undisturbed.transcript
    assert (engine.batches(), rest) == (asked, [])


def test_windows_that_were_read_in_another_language_are_read_again(
    recording: Path, talk: Callable[[int], Talk]
) -> None:
    engine = talk(8)
    _, kept = engine.finish(Transcribe(1, recording, "en"))

    _, again = engine.finish(Transcribe(2, recording, "de", kept[0]))

    assert sum(len(partial.readings) for partial in again) == sum(len(partial.readings) for partial in kept)


def test_memory_does_not_grow_with_the_recording(
    speech: npt.NDArray[np.float32], write_wav: WavWriter, talk: Callable[[int], Talk], tmp_path: Path
) -> None:
    minute = write_wav(tmp_path / "minute.wav", np.resize(np.concatenate([speech, np.zeros(RATE // 2)]), 60 * RATE))
    peaks_mib, engine = [], talk(8)
    for minutes in (10, 180):
        recording = tmp_path / f"{minutes}.wav"
        again = f"-stream_loop -1 -i {minute} -t {minutes * 60} -c copy {recording}"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *again.split()], check=True)

        finished, kept = engine.finish(Transcribe(minutes, recording, "en"))

        assert round(finished.transcript.duration_ms / 60_000) == minutes
        assert len(finished.windows) > 2 * minutes
        assert sum(len(partial.readings) for partial in kept) == len(finished.windows)
        assert engine.client.pid is not None
        peaks_mib.append(peak_mib(engine.client.pid))
    assert peaks_mib[1] - peaks_mib[0] < GROWTH_MIB


def test_what_a_vocabulary_misled_the_model_to_is_read_as_if_there_were_none(
    recording: Path, talk: Callable[[int], Talk]
) -> None:
    engine = talk(8)
    plain, _ = engine.finish(Transcribe(1, recording, "en"))
    misled, kept = engine.finish(Transcribe(2, recording, "en", vocabulary=("Ann", "Bo")))

    assert misled.transcript == plain.transcript
    decisions = [window.decision for window in misled.windows]
    assert decisions.count(Decision.UNAIDED) == decisions.count(Decision.KEPT) == len(plain.windows)

    asked = len(engine.batches())
    resumed, _ = engine.finish(Transcribe(3, recording, "en", kept[0], vocabulary=("Ann", "Bo")))
    assert (resumed.transcript, resumed.windows) == (misled.transcript, misled.windows)
    assert len(engine.batches()) < asked + len(kept)


def test_windows_that_were_read_with_another_vocabulary_are_read_again(
    recording: Path, talk: Callable[[int], Talk]
) -> None:
    engine = talk(8)
    _, kept = engine.finish(Transcribe(1, recording, "en", vocabulary=("Ann",)))

    _, again = engine.finish(Transcribe(2, recording, "en", kept[0], vocabulary=("Bo",)))

    assert sum(len(partial.readings) for partial in again) >= len(kept[0].readings)


def test_that_a_vocabulary_is_cut_is_told_once(recording: Path, talk: Callable[[int], Talk]) -> None:
    engine = talk(8)
    for job in (1, 2):
        engine.finish(Transcribe(job, recording, "en", vocabulary=("Ann", "Bo", "Cy")))

    assert engine.cuts == [VocabularyCut(1, used=2, given=3)]

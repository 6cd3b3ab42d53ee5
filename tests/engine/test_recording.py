"""A recording in which nobody pauses, through the real voice activity, read by one who knows when each word is said."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.conftest import RATE, WavWriter
from watcherd.engine import speech as speech_module
from watcherd.engine.messages import Channels, Transcribe
from watcherd.engine.queue import FairQueue
from watcherd.engine.recognizer import HeardWord, Phrase, Reading
from watcherd.engine.recording import RecordingInHand, WindowTask
from watcherd.engine.resume import pack
from watcherd.engine.speech import SpeechDetector
from watcherd.engine.windows import Window
from watcherd.partial import Partial

WORD_S = 0.5
MINUTE_AND_A_HALF = 180
"""Words."""

Reader = Callable[[Window], Reading]


@pytest.fixture(autouse=True)
def no_dips(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in noise, where no frame sounds like the end of a word."""
    monkeypatch.setattr(speech_module, "DIP", 0.0)


@pytest.fixture(scope="module")
def talk(speech: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A minute and a half of speech with its pauses cut out."""
    detector = SpeechDetector()
    spans = detector.push(speech) + detector.flush()
    voice = np.concatenate([speech[span.start : span.end] for span in spans])
    return np.resize(voice, round(MINUTE_AND_A_HALF * WORD_S * RATE))


@pytest.fixture(scope="module")
def recording(talk: npt.NDArray[np.float32], write_wav: WavWriter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("talk") / "talk.wav", talk)


def said(window: Window, *, until_s: float = 1000.0, timed: bool = False) -> Reading:
    """Word n is said from n / 2 s on; of a word that is cut the window hears only a sound."""
    (piece,) = window.pieces
    words = []
    for index in range(MINUTE_AND_A_HALF):
        start_s, end_s = (index * WORD_S - piece.start / RATE), ((index + 1) * WORD_S - piece.start / RATE)
        if end_s > 0 and start_s < min(window.duration_s, until_s):
            whole = start_s >= 0 and end_s <= window.duration_s
            text = f" {spelled(index, window.speaker)}" if whole else " uh"
            words.append(HeardWord(max(0.0, start_s), min(end_s, window.duration_s), text, 0.9))
    phrases = tuple(
        Phrase(own[0].start_s, own[-1].end_s, "".join(word.text for word in own).strip(), own if timed else ())
        for own in (tuple(words[at : at + 7]) for at in range(0, len(words), 7))
    )
    return Reading(phrases, phrases[-1].end_s if phrases else 0.0, -0.2)


def nothing(window: Window) -> Reading:
    """A guess that is not believed."""
    return Reading((Phrase(0.0, window.duration_s, "uh"),), window.duration_s, -2.0)


class Session:
    """The engine's part of the work on one recording."""

    def __init__(self, path: Path, known: Partial | None = None, channels: Channels = "mix") -> None:
        self._queue: FairQueue[WindowTask] = FairQueue(16)
        self._news = threading.Event()
        order = Transcribe(1, path, "en", known or Partial(), channels=channels)
        self.recording = RecordingInHand(order, self._queue, self._news.set)
        self.read: list[WindowTask] = []
        self.kept: dict[bytes, str] = {}

    def run(self, reader: Reader, batch: int = 4) -> "Session":
        """Read everything; within a batch the known windows first, and the latest one first."""
        self.recording.start()
        while not self.recording.complete:
            tasks = [task for _, task in self._queue.take(batch)]
            if not tasks:
                self._news.wait(60)
                self._news.clear()
            for task in sorted(tasks, key=lambda task: (self.recording.known(task) is None, -task.window.index)):
                reading = self.recording.known(task)
                if reading is None:
                    self.read.append(task)
                    reading = reader(task.window)
                    self.kept[task.key] = pack(reading)
                self.recording.accept(task, reading)
        assert self.recording.error is None
        return self

    def words(self) -> list[str]:
        return self.recording.transcript().text.split()


def spelled(index: int, side: str | None = None) -> str:
    """A word like no other, and together they do not repeat themselves."""
    return hashlib.sha256(f"{side} {index}".encode()).hexdigest()[:7]


def every_word(side: str | None = None) -> list[str]:
    return [spelled(index, side) for index in range(MINUTE_AND_A_HALF)]


@pytest.mark.parametrize(("batch", "timed"), [(1, False), (8, True)], ids=["phrases", "words"])
def test_without_a_pause_every_word_is_there_once(recording: Path, batch: int, *, timed: bool) -> None:
    session = Session(recording).run(lambda window: said(window, timed=timed), batch)

    assert len(session.read) >= 4
    assert all(task.window.duration_s <= 28 for task in session.read)
    assert session.words() == every_word()
    segments = session.recording.transcript().segments
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(segments))


def test_an_interrupted_recording_is_joined_like_any_other(recording: Path) -> None:
    whole = Session(recording).run(said)
    first, _, third, *_ = whole.kept.items()

    resumed = Session(recording, Partial("en", dict([first, third]))).run(said)

    assert len(resumed.read) == len(whole.read) - 2
    assert resumed.recording.transcript() == whole.recording.transcript()
    assert resumed.recording.decisions() == whole.recording.decisions()


def test_each_side_of_a_call_is_joined_on_its_own(
    talk: npt.NDArray[np.float32], write_wav: WavWriter, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "call.wav", np.stack([talk, np.roll(talk, 3 * RATE)], axis=1))

    transcript = Session(path, channels="split").run(said).recording.transcript()

    for side in ("left", "right"):
        heard = " ".join(each.text for each in transcript.segments if each.speaker == side).split()
        assert heard[:-1] == every_word(side)[:-1]  # voice activity ends a little before the recording does


def test_an_interrupted_call_is_joined_like_any_other(
    talk: npt.NDArray[np.float32], write_wav: WavWriter, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "call.wav", np.stack([talk, np.roll(talk, 3 * RATE)], axis=1))
    whole = Session(path, channels="split").run(said)
    every_other = dict(list(whole.kept.items())[::2])

    resumed = Session(path, Partial("en", every_other), channels="split").run(said)

    assert len(resumed.read) == len(whole.read) - len(every_other)
    assert resumed.recording.transcript() == whole.recording.transcript()
    assert resumed.recording.decisions() == whole.recording.decisions()


def unread_ends(window: Window) -> Reading:
    """The model stops two seconds early wherever it reads more than ten."""
    return said(window, until_s=window.duration_s - 2 if window.duration_s > 10 else 1000)


def test_an_unread_end_is_left_to_the_next_window_that_reads_it_anyway(recording: Path) -> None:
    session = Session(recording).run(unread_ends)

    assert session.words() == every_word()
    *others, last = session.read
    assert [task.rereads for task in others] == [0] * len(others)
    assert last.rereads == 1, "after the last window there is none"


@pytest.mark.parametrize("batch", [1, 8], ids=["the earlier is read first", "the later is read first"])
def test_an_unread_end_is_read_where_the_next_window_is_not_believed(recording: Path, batch: int) -> None:
    def reader(window: Window) -> Reading:
        return nothing(window) if window.index == 1 else unread_ends(window)

    session = Session(recording).run(reader, batch)

    heard = session.words()
    first, *_ = (task.window for task in session.read if task.window.index == 0)
    following, *_ = (task.window for task in session.read if task.window.index == 2)
    lost = range(int(first.pieces[-1].end / RATE / WORD_S), int(following.pieces[0].start / RATE / WORD_S) + 1)
    assert [word for word in heard if word != "uh"] == [
        word for index, word in enumerate(every_word()) if index not in lost
    ]


def test_where_a_phrase_cannot_be_all_that_is_said_its_part_is_read_again(recording: Path) -> None:
    def reader(window: Window) -> Reading:
        full = said(window)
        first, *_ = full.phrases
        return replace(full, phrases=(replace(first, end_s=window.duration_s),)) if window.duration_s > 15 else full

    session = Session(recording).run(reader)

    heard = session.words()
    assert [word for word in heard if word != "uh"] == [word for word in every_word() if word in heard]
    assert len(heard) > 0.9 * MINUTE_AND_A_HALF, "but for the words in which parts are cut"
    assert any(decision.tail_read_again for decision in session.recording.decisions())


def test_slow_speech_that_reads_the_same_again_stands(recording: Path) -> None:
    def reader(window: Window) -> Reading:
        return Reading((Phrase(0.0, window.duration_s, "Aha."),), window.duration_s, -0.2)

    session = Session(recording).run(reader)

    whole = [task for task in session.read if task.rereads == 0]
    assert session.words().count("Aha.") >= len(whole)
    assert len(session.read) == 7 * len(whole), "in halves and in quarters"

"""What a vocabulary does: to the prompts, to a batch, to a name that is said, and to what is made up of it."""

import queue

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import Speaker
from tests.engine.conftest import RATE
from tests.engine.test_gates import reading, window
from watcherd.engine.checkpoints import resolve
from watcherd.engine.client import EngineClient, EngineEvent, EngineSaid
from watcherd.engine.devices import place
from watcherd.engine.gates import misled
from watcherd.engine.messages import Finished, LoadModel, Transcribe
from watcherd.engine.recognizer import Hints
from watcherd.engine.vocabulary import is_read_out, recited
from watcherd.engine.whisper import MAX_NEW_TOKENS, WhisperRecognizer
from watcherd.transcript import Transcript

NAMES = ("Kowalczyk", "Grafana", "Zettelkasten", "New York")
PATIENCE_S = 120


@pytest.fixture(scope="module", params=[False, True], ids=["greedy", "beam"])
def recognizer(request: pytest.FixtureRequest) -> WhisperRecognizer:
    checkpoint = resolve("packaged:tiny.en", download=False)
    return WhisperRecognizer(checkpoint, place("cpu", "float32"), None, accurate=request.param)


def test_a_window_is_read_alike_beside_others_with_other_vocabularies_and_without(
    recognizer: WhisperRecognizer, speech: npt.NDArray[np.float32]
) -> None:
    windows = [speech[int(start * RATE) :][: 4 * RATE].copy() for start in (0.0, 1.0, 3.5, 6.0)]
    hints = [Hints("en"), Hints("en", NAMES), Hints("en"), Hints("en", ("fox",))]
    alone = [recognizer.read([one], [hint])[0] for one, hint in zip(windows, hints, strict=True)]

    assert recognizer.read(windows, hints) == alone
    assert recognizer.read(windows[::-1], hints[::-1]) == alone[::-1]
    (without,) = recognizer.read([windows[1]], [Hints("en")])
    assert alone[1].avg_logprob != without.avg_logprob
    assert alone[1].no_speech_prob == pytest.approx(without.no_speech_prob, abs=1e-6)


# The prompt


def test_a_vocabulary_stands_before_the_start_as_text(recognizer: WhisperRecognizer) -> None:
    before, *tokens = recognizer._before((*NAMES, "<|endoftext|>"))

    assert recognizer._tokenizer.convert_ids_to_tokens(before) == "<|startofprev|>"
    assert "Kowalczyk, Grafana, Zettelkasten, New York" in recognizer._tokenizer.decode(tokens)
    assert max(tokens) < recognizer._end_of_text
    assert recognizer._before(()) == []


def test_what_does_not_fit_is_left_out_from_the_end(
    recognizer: WhisperRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tuple(f"Llanfair {number}" for number in range(111))

    used = recognizer.usable(many)

    assert recognizer.usable(NAMES) == NAMES
    assert used == many[: len(used)]
    assert len(recognizer._before(used)) + 1 + MAX_NEW_TOKENS <= recognizer._decoder.context
    assert len(recognizer._before(many[: len(used) + 1])) > recognizer._decoder.context // 2
    monkeypatch.setattr(recognizer._decoder, "context", MAX_NEW_TOKENS)
    assert recognizer.usable(NAMES) == ()


# What is made up of it


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Zettelkasten, GRAFANA!", (2, 1)),
        ("New York. Kowalczyk", (3, 0)),
        ("Grafana is down.", ()),
        ("New Grafana", ()),
        ("", ()),
    ],
)
def test_text_that_is_nothing_but_entries(text: str, places: tuple[int, ...]) -> None:
    assert recited(text, NAMES) == places


def test_the_list_itself_is_at_least_half_of_it_in_its_order() -> None:
    assert is_read_out((0, 2, 3), NAMES)
    assert not is_read_out((0, 3, 2), NAMES)
    assert not is_read_out((0, 1), NAMES[:2])
    assert not is_read_out((0, 1, 2), "abcdefg")


def test_entries_alone_are_believed_unless_a_weak_signal_speaks_against_them() -> None:
    said = reading((0, 2, "Grafana."))

    assert misled(window((0, 2)), said, NAMES) == ""
    for weak in (
        misled(window((0, 2)), reading((0, 2, "Grafana."), logprob=-0.7), NAMES),
        misled(window((0, 2)), reading((0, 2, "Grafana."), no_speech=0.4), NAMES),
        misled(window((1.9, 2)), said, NAMES),
        misled(window((0, 9)), reading((0, 9, "Kowalczyk, Grafana, Zettelkasten.")), NAMES),
        misled(window((0, 9)), reading((0, 3, "Kowalczyk,"), (3, 6, "Grafana,"), (6, 9, "New York.")), NAMES),
    ):
        assert weak.startswith('the vocabulary is recited: "')


def test_a_reading_with_a_vocabulary_passes_the_other_gates_or_counts_for_nothing() -> None:
    loop = reading((0, 20, "Yes and no, " * 30))

    assert "repeats itself" in misled(window((0, 20)), loop, NAMES)
    assert misled(window((0, 20)), loop, ()) == ""
    assert misled(window((0, 2)), reading((0, 2, "It was a dark night."), logprob=-0.9), NAMES) == ""


# What it is for


def test_a_name_is_spelled_as_the_vocabulary_has_it_and_its_words_have_times(speak: Speaker) -> None:
    path = speak("We should put the new numbers into Grafana before the meeting on Friday.", voice="en-us")
    events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
    client = EngineClient(LoadModel("packaged:tiny.en", "cpu", "auto", "auto", word_times=True), events.put)

    def transcript(job: int, *vocabulary: str) -> Transcript:
        client.send(Transcribe(job, path, "auto", vocabulary=vocabulary))
        while True:
            event = events.get(timeout=PATIENCE_S)
            assert isinstance(event, EngineSaid), event
            if isinstance(event.message, Finished):
                return event.message.transcript

    client.start()
    try:
        without, found = transcript(1), transcript(2, "Proxmox", "Grafana", "Nakamura")
    finally:
        client.stop()

    assert "Grafana" not in " ".join(segment.text for segment in without.segments)
    assert "into Grafana before" in " ".join(segment.text for segment in found.segments)
    words = [word for segment in found.segments for word in segment.words]
    assert " ".join(word.text for word in words) == " ".join(segment.text for segment in found.segments)
    times = [time_ms for word in words for time_ms in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    (name,) = (word for word in words if "Grafana" in word.text)
    assert 1500 < name.start_ms < name.end_ms < 3500

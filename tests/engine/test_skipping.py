import numpy as np
import pytest

from watcherd.engine.recognizer import Phrase
from watcherd.engine.samples import SAMPLES_PER_S, Span
from watcherd.engine.skipping import skips_speech
from watcherd.engine.windows import Window


def window(*speech_s: tuple[int, int]) -> Window:
    speech = tuple(Span(start * SAMPLES_PER_S, end * SAMPLES_PER_S) for start, end in speech_s)
    return Window(0, (Span(0, 20 * SAMPLES_PER_S),), speech, np.zeros(20 * SAMPLES_PER_S, np.float32))


@pytest.mark.parametrize(
    ("text", "skips"),
    [
        ("painful to myself.", True),
        ("The narrative would be tedious to him and painful to myself.", False),
        ("次の駅で降りて、そこから歩いてください。", False),
        ("次の駅で", True),
    ],
)
def test_ten_seconds_of_voice_are_more_than_a_few_words(text: str, *, skips: bool) -> None:
    assert skips_speech(window((0, 10)), Phrase(0, 10, text)) == skips


def test_a_slow_answer_among_pauses_skips_nothing() -> None:
    assert not skips_speech(window((0, 1), (8, 10)), Phrase(0, 10, "Well ... yes."))


def test_in_a_few_seconds_there_is_no_room_for_a_sentence() -> None:
    assert not skips_speech(window((0, 4)), Phrase(0, 4, "Oh!"))

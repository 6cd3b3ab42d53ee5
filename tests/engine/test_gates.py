import numpy as np
import pytest

from watcherd.decisions import Decision
from watcherd.engine.gates import judge, without_loop
from watcherd.engine.recognizer import Phrase, Reading
from watcherd.engine.samples import SAMPLES_PER_S, Span
from watcherd.engine.windows import Window


def window(*speech_s: tuple[float, float], length_s: float = 20) -> Window:
    speech = tuple(Span(round(start * SAMPLES_PER_S), round(end * SAMPLES_PER_S)) for start, end in speech_s)
    samples = np.zeros(round(length_s * SAMPLES_PER_S), np.float32)
    return Window(0, (Span(0, len(samples)),), speech, samples)


def reading(*phrases: tuple[float, float, str], logprob: float = -0.2, no_speech: float = 0.01) -> Reading:
    return Reading(tuple(Phrase(*phrase) for phrase in phrases), phrases[-1][1], logprob, no_speech)


def test_genuine_text_is_kept_as_it_is() -> None:
    said = reading((0, 4, "It was a dark night."), (4, 6, "Thank you."))

    verdict = judge(window((0, 6)), said, may_split=True)

    assert (verdict.decision, verdict.phrases, verdict.reason) == (Decision.KEPT, said.phrases, "")


def test_a_loop_at_the_end_is_kept_once_and_the_rest_is_read_again_from_there() -> None:
    loop = [(5.0 + n, 6.0 + n, "And so it goes on and on.") for n in range(14)]

    verdict = judge(window((0, 20)), reading((0.0, 5.0, "It was a dark night."), *loop), may_split=True)

    assert [phrase.text for phrase in verdict.phrases] == ["It was a dark night.", "And so it goes on and on."]
    assert (verdict.decision, verdict.read_until_s) == (Decision.IN_PART, 6.0)


def test_a_loop_with_nothing_before_it_is_read_again_in_halves_and_dropped_at_last() -> None:
    said = reading((0, 20, "Yes and no, " * 30))

    assert judge(window((0, 20)), said, may_split=True).decision is Decision.SPLIT
    assert judge(window((0, 20)), said, may_split=False).decision is Decision.DROPPED


def test_a_loop_inside_a_phrase_is_cut_in_it() -> None:
    cut = without_loop([Phrase(0, 10, "He said well well well well well")])

    assert cut == (Phrase(0, 10 * 3 / 7, "He said well"),)


@pytest.mark.parametrize(("logprob", "no_speech"), [(-1.2, 0.0), (-0.6, 0.7)])
def test_guesses_are_not_believed(logprob: float, no_speech: float) -> None:
    said = reading((0, 2, "The cat sat."), logprob=logprob, no_speech=no_speech)

    assert judge(window((0, 2)), said, may_split=False).decision is Decision.DROPPED


def test_text_with_no_voice_under_it_is_dropped_alone() -> None:
    verdict = judge(window((0, 3)), reading((0, 3, "Good morning."), (8, 9, "Bye.")), may_split=True)

    assert [phrase.text for phrase in verdict.phrases] == ["Good morning."]
    assert verdict.reason == 'nobody speaks there: "Bye."'


def test_a_stock_phrase_goes_only_with_a_second_weak_signal() -> None:
    sure, unsure = (reading((0, 2, "Thanks for watching!"), no_speech=value) for value in (0.01, 0.4))

    assert judge(window((0, 2)), sure, may_split=True).decision is Decision.KEPT
    assert judge(window((0, 2)), unsure, may_split=True).decision is Decision.DROPPED

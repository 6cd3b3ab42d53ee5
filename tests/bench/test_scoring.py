import numpy as np
import pytest

from bench.scoring import Score, score
from bench.tape import Tape
from bench.timed import Timed

TAPE = Tape(
    np.zeros(0, np.float32),
    "It doesn't rain in the harbour. Nobody speaks for ten seconds.",
    ((10.0, 14.0), (20.0, 24.0)),
)
FIRST = Timed(10.2, 13.8, "It doesn\N{RIGHT SINGLE QUOTATION MARK}t rain in the harbour.")
SECOND = Timed(20.1, 23.9, "nobody speaks for 10 seconds")


def test_writing_is_normalised_before_it_is_compared() -> None:
    found = score([SECOND, FIRST], TAPE, "en")
    assert found.wer == 0
    assert found.reference == 12  # "does not" are two


def test_words_written_where_nobody_speaks_are_counted() -> None:
    found = score([FIRST, Timed(15.5, 18.0, "Thanks for watching!"), SECOND], TAPE, "en")
    assert (found.inserted, found.in_non_speech) == (3, 3)


def test_right_words_at_a_wrong_time_are_no_invention() -> None:
    moved = Timed(15.5, 18.0, FIRST.text)
    assert score([moved, SECOND], TAPE, "en") == Score(reference=12)


def test_wrong_words_under_a_voice_and_near_it_are_errors_of_another_kind() -> None:
    found = score([FIRST, Timed(14.0, 15.8, "oh yes"), Timed(20.1, 23.9, "Nobody sneaks for ten seconds")], TAPE, "en")
    assert (found.substituted, found.inserted, found.in_non_speech) == (1, 2, 0)


def test_an_empty_transcript_has_every_word_missing() -> None:
    found = score([], TAPE, "en")
    assert (found.deleted, found.wer) == (12, 1.0)


def test_scores_of_several_tapes_add_up() -> None:
    total = score([FIRST, SECOND], TAPE, "en") + score([FIRST], TAPE, "en")
    assert total.wer == pytest.approx(5 / 24)


def test_other_languages_keep_their_letters() -> None:
    tape = Tape(np.zeros(0, np.float32), "Später fließt Öl.", ((0.0, 3.0),))
    assert score([Timed(0, 3, "später, fließt öl")], tape, "de").wer == 0
    assert score([Timed(0, 3, "spater fliesst ol")], tape, "de").wer == 1


def test_accents_are_of_no_account_in_spanish_whose_prompts_have_few() -> None:
    tape = Tape(np.zeros(0, np.float32), "Numero de telefono.", ((0.0, 3.0),))
    assert score([Timed(0, 3, "Número de teléfono.")], tape, "es").wer == 0


def test_figures_are_the_words_that_were_said() -> None:
    tape = Tape(np.zeros(0, np.float32), "Drücken Sie die drei oder zwölf.", ((0.0, 3.0),))
    assert score([Timed(0, 3, "Drücken Sie die 3 oder 12.")], tape, "de").wer == 0

"""Our beam search: against greedy decoding, and against a search written down without caches and batches."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.conftest import RATE, noise, silence
from watcherd.config import ModelSettings
from watcherd.engine.beam import (
    AS_FAR,
    BEAMS,
    LATE,
    LATE_TOKENS,
    MARGIN,
    SAME_END,
    BeamDecode,
    Text,
    _highest,
    _rows,
    _Search,
)
from watcherd.engine.checkpoints import resolve
from watcherd.engine.client import load_order
from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.devices import Placement, place, seeks_accuracy
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.messages import Decoding
from watcherd.engine.timestamp_rules import TimestampRules
from watcherd.engine.whisper import WhisperRecognizer

MOST = 60
LONG, SHORT, MIDDLE, SILENCE, NOISE = range(5)


@pytest.fixture(scope="module")
def recognizer() -> WhisperRecognizer:
    checkpoint = resolve("packaged:tiny.en", download=False)
    return WhisperRecognizer(checkpoint, place("cpu", "float32"), None, accurate=True)


@pytest.fixture(scope="module")
def heard(recognizer: WhisperRecognizer, speech: npt.NDArray[np.float32]) -> list[KeysAndValues]:
    """Windows whose texts end long before and long after each other."""
    windows = [
        speech.copy(),
        speech[: 2 * RATE].copy(),
        speech[4 * RATE : 9 * RATE].copy(),
        silence(3).astype(np.float32),
        noise(9, dbfs=-26).astype(np.float32),
    ]
    with torch.inference_mode():
        return recognizer._hearing(windows, room=len(windows))


def rows(heard: Sequence[KeysAndValues], *places: int) -> list[KeysAndValues]:
    return [(keys[list(places)], values[list(places)]) for keys, values in heard]


def decoded(
    recognizer: WhisperRecognizer, heard: Sequence[KeysAndValues], beams: int | None, most: int = MOST
) -> list[Decoded]:
    """With that many beams, or greedily."""
    rules = recognizer._decode._rules
    no_speech_id = recognizer._no_speech_id()
    decode = (
        GreedyDecode(recognizer._decoder, rules, no_speech_id)
        if beams is None
        else BeamDecode(recognizer._decoder, rules, no_speech_id, beams=beams)
    )
    with torch.inference_mode():
        own = rows(heard, *range(len(heard[0][0])))  # decoding overwrites it
        return decode(own, [recognizer._prompt("en")] * len(own[0][0]), most)


def test_one_beam_is_greedy_decoding(recognizer: WhisperRecognizer, heard: list[KeysAndValues]) -> None:
    greedy, found = decoded(recognizer, heard, None), decoded(recognizer, heard, 1)
    assert [row.tokens for row in found] == [row.tokens for row in greedy]
    assert [row.avg_logprob for row in found] == pytest.approx([row.avg_logprob for row in greedy], abs=1e-4)
    assert [row.no_speech_prob for row in found] == [row.no_speech_prob for row in greedy]


def test_five_beams_find_texts_that_are_at_least_as_probable(
    recognizer: WhisperRecognizer, heard: list[KeysAndValues]
) -> None:
    greedy, found = decoded(recognizer, heard, None), decoded(recognizer, heard, BEAMS)
    gains = [found[row].avg_logprob - greedy[row].avg_logprob for row in range(len(found))]
    assert min(gains) > -1e-3
    assert max(gains) > 0.01


def test_a_row_alone_and_a_second_time_has_the_same_text(
    recognizer: WhisperRecognizer, heard: list[KeysAndValues]
) -> None:
    found = decoded(recognizer, heard, BEAMS)
    assert decoded(recognizer, rows(heard, SHORT), BEAMS)[0].tokens == found[SHORT].tokens
    assert [row.tokens for row in decoded(recognizer, heard, BEAMS)] == [row.tokens for row in found]


def test_a_text_is_cut_off_where_greedy_decoding_cuts_it_off(
    recognizer: WhisperRecognizer, heard: list[KeysAndValues]
) -> None:
    (cut,) = decoded(recognizer, rows(heard, LONG), BEAMS, most=7)
    assert len(cut.tokens) == 7


@pytest.mark.parametrize("place", [SHORT, MIDDLE])
def test_the_search_is_that_of_the_textbook(
    recognizer: WhisperRecognizer, heard: list[KeysAndValues], place: int
) -> None:
    tokens, avg_logprob = textbook(recognizer, rows(heard, place))
    found = decoded(recognizer, heard, BEAMS)[place]
    assert found.tokens == tokens
    assert found.avg_logprob == pytest.approx(avg_logprob, abs=1e-3)


def textbook(recognizer: WhisperRecognizer, heard: list[KeysAndValues]) -> tuple[tuple[int, ...], float]:
    """Every text of every step read anew from its beginning, one after the other."""
    rules = recognizer._decode._rules
    live: list[tuple[float, tuple[int, ...], int]] = [(0.0, (), 0)]
    ended: list[tuple[float, tuple[int, ...]]] = []
    while live and len(ended) < BEAMS:
        candidates = [
            (total + logprob, (*tokens, token), late)
            for total, tokens, late in live
            for token, logprob in enumerate(following(recognizer, rules, heard, tokens))
            if logprob > -inf
        ]
        live = []
        best, _, _ = max(candidates)
        for total, tokens, late in sorted(candidates, reverse=True):
            if len(live) == BEAMS or total < best - MARGIN:
                break
            behind = late + 1 if total < best - LATE else 0
            if tokens[-1] == rules.end_of_text:
                ended.append((total / len(tokens), tokens[:-1]))
            elif behind <= LATE_TOKENS and all(
                words_at_end(tokens, rules) != words_at_end(other, rules) for _, other, _ in live
            ):
                live.append((total, tokens, behind))
    avg_logprob, tokens = max(ended)
    return tokens, avg_logprob


def words_at_end(tokens: tuple[int, ...], rules: TimestampRules) -> list[str]:
    """The last words and where timestamps stand between them, but not which."""
    signs = ["time" if token >= rules.first_timestamp else str(token) for token in tokens]
    words = [place for place, sign in enumerate(signs) if sign != "time"]
    return signs[words[-SAME_END] :] if len(words) >= SAME_END else signs


def following(
    recognizer: WhisperRecognizer, rules: TimestampRules, heard: list[KeysAndValues], tokens: tuple[int, ...]
) -> list[float]:
    """The log probability of every next token."""
    read = torch.tensor([[*recognizer._prompt("en"), *tokens]])
    with torch.inference_mode():
        cache = DecoderCache(list(heard), capacity=read.shape[1], dtype=torch.float32)
        logits = recognizer._decoder.logits(recognizer._decoder.step(read, cache)[:, -1])
        if not tokens:
            rules.first(logits)
        else:
            state = rules.begin(torch.tensor(tokens[:1]))
            for token in tokens[1:]:
                rules.advance(state, torch.tensor([token]))
            rules.apply(logits, state)
        logprobs: list[float] = logits.log_softmax(-1)[0].tolist()
        return logprobs


TIME = 1000
END = 900


@pytest.fixture
def search() -> _Search:
    """Of a window in which three texts are followed: two with another time before the same words."""
    texts = [Text(tokens, (), -1.0) for tokens in ((TIME, 1, 2, 3), (TIME + 5, 1, 2, 3), (TIME, 1, 2, 4))]
    return _Search(texts, rows=[7, 8, 9])


class Rules:
    first_timestamp = TIME
    end_of_text = END


def go_on(search: _Search, *candidates: tuple[float, int, int]) -> None:
    search.go_on(candidates, BEAMS, cast("TimestampRules", Rules))


def test_of_texts_that_end_alike_the_most_probable_is_followed(search: _Search) -> None:
    go_on(search, (-1.1, 0, 5), (-1.2, 1, 5), (-1.3, 2, 5), (-1.4, 1, 6))
    assert [text.tokens for text in search.texts] == [
        (TIME, 1, 2, 3, 5),
        (TIME, 1, 2, 4, 5),
        (TIME + 5, 1, 2, 3, 6),
    ]
    assert search.rows == [7, 9, 8]


def test_times_do_not_make_a_difference_but_where_they_stand_does(search: _Search) -> None:
    go_on(search, (-1.1, 0, TIME + 9), (-1.2, 1, TIME + 10), (-1.3, 0, 5), (-1.4, 2, TIME + 9))
    assert [text.tokens[-2:] for text in search.texts] == [(3, TIME + 9), (3, 5), (4, TIME + 9)]


def test_a_text_that_has_become_improbable_is_given_up_and_cannot_end(search: _Search) -> None:
    go_on(search, (-1.1, 0, 5), (-1.1 - MARGIN - 0.01, 1, END), (-9.0, 2, 6))
    assert [text.tokens[-1] for text in search.texts] == [5]
    assert search.ended == []


def test_a_text_that_stays_behind_is_given_up_unless_it_catches_up(search: _Search) -> None:
    for _ in range(LATE_TOKENS):
        go_on(search, (-1.0, 0, 5), (-1.0 - LATE - 0.01, 1, 6))
        assert search.rows == [7, 8]
        search.rows = [7, 8, 9]
    go_on(search, (-1.0, 0, 5), (-1.0 - LATE + 0.01, 1, 6))
    assert [text.late for text in search.texts] == [0, 0]
    for _ in range(LATE_TOKENS):
        go_on(search, (-1.0, 0, 5), (-1.0 - LATE - 0.01, 1, 6))
    go_on(search, (-1.0, 0, 5), (-1.0 - LATE - 0.01, 1, 6))
    assert [text.tokens[-1] for text in search.texts] == [5]


def test_a_text_that_leaves_speech_out_does_not_win(search: _Search) -> None:
    short = Text((TIME, 1, TIME + 100), (), -0.3, ended=True)
    whole = Text((TIME, 1, TIME + 100, TIME + 100, 2, 3, TIME + 100 + AS_FAR + 1), (), -3.0, ended=True)
    search.ended = [short, whole]
    assert search.best(TIME) is whole
    search.ended = [short, replace(whole, tokens=(*whole.tokens[:-1], TIME + 100 + AS_FAR))]
    assert search.best(TIME) is short


@given(st.lists(st.integers(0, 9), max_size=20))
def test_texts_keep_their_rows_where_they_can(befores: list[int]) -> None:
    rows = _rows(befores)
    assert sorted(rows) == list(range(len(befores)))
    for row in {before for before in befores if before < len(befores)}:
        assert befores[rows.index(row)] == row


def test_the_highest_scores_are_found_without_sorting_all() -> None:
    scores = torch.randn(7, 3003, generator=torch.Generator().manual_seed(0))
    scores[0, :500] = -inf
    scores[1] = -inf
    scores[1, [3, 4, 3001, 3002]] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    best, places = _highest(scores, 8)
    expected, _ = scores.topk(8)
    assert torch.equal(best, expected)
    assert torch.equal(scores.gather(1, places), expected)
    assert places[1, :4].tolist() == [3, 4, 3001, 3002]


def test_the_engine_is_told_how_to_decode() -> None:
    assert load_order(ModelSettings(), {}).decoding == "auto"
    assert load_order(ModelSettings(decoding="fast"), {}).decoding == "fast"


@pytest.mark.parametrize(
    ("decoding", "device", "several"),
    [
        ("auto", "cpu", True),
        ("auto", "cuda", False),
        ("fast", "cpu", False),
        ("accurate", "cuda", True),
    ],
)
def test_several_texts_are_followed_where_that_costs_little_or_is_asked_for(
    *, decoding: Decoding, device: str, several: bool
) -> None:
    placement = Placement(torch.device(device), torch.float16, "a processor")
    assert seeks_accuracy(placement, decoding) is several

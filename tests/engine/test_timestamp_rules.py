"""The rules of Whisper's timestamps, alone and against transformers' logits processors."""

from dataclasses import dataclass, field
from math import inf

import pytest
import torch
from transformers import (
    GenerationConfig,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)

from watcherd.engine.timestamp_rules import TimestampRules, TimestampState

TEXT = 10
END = 10
NO_TIMESTAMPS = 13
ZERO_S = 14
VOCABULARY = 30
CPU = torch.device("cpu")


@dataclass
class Settings:
    eos_token_id: int = END
    no_timestamps_token_id: int = NO_TIMESTAMPS
    suppress_tokens: list[int] | None = field(default_factory=lambda: [3, 11])
    begin_suppress_tokens: list[int] | None = field(default_factory=lambda: [5, END])
    max_initial_timestamp_index: int | None = 6


@pytest.fixture
def rules() -> TimestampRules:
    return TimestampRules(Settings(), VOCABULARY, CPU)


def allowed_after(rules: TimestampRules, *tokens: int) -> set[int]:
    """What may follow these tokens where text and timestamps are equally probable one by one."""
    state = replay(rules, [list(tokens)])
    logits = torch.zeros(1, VOCABULARY)
    logits[:, ZERO_S:] = -50.0
    rules.apply(logits, state)
    return set((logits[0] > -inf).nonzero()[:, 0].tolist())


def replay(rules: TimestampRules, rows: list[list[int]]) -> TimestampState:
    columns = torch.tensor(rows).T
    state = rules.begin(columns[0])
    for column in columns[1:]:
        rules.advance(state, column)
    return state


def test_the_first_token_is_an_early_timestamp(rules: TimestampRules) -> None:
    logits = torch.zeros(2, VOCABULARY)
    rules.first(logits)
    assert (logits > -inf).nonzero().tolist() == [[row, ZERO_S + step] for row in (0, 1) for step in range(7)]


def test_without_a_limit_the_first_timestamp_may_be_any() -> None:
    logits = torch.zeros(1, VOCABULARY)
    TimestampRules(Settings(max_initial_timestamp_index=None), VOCABULARY, CPU).first(logits)
    assert (logits[0] > -inf).nonzero()[:, 0].tolist() == list(range(ZERO_S, VOCABULARY))


def test_text_follows_a_phrase_s_start(rules: TimestampRules) -> None:
    assert allowed_after(rules, ZERO_S) == {*range(ZERO_S)} - {3, 11, NO_TIMESTAMPS}


def test_after_text_comes_text_or_a_later_timestamp(rules: TimestampRules) -> None:
    allowed = allowed_after(rules, ZERO_S + 2, 4)
    assert allowed == ({*range(VOCABULARY)} - {3, 11, NO_TIMESTAMPS} - {ZERO_S, ZERO_S + 1, ZERO_S + 2})


def test_after_a_phrase_s_end_comes_the_next_start_or_the_end(rules: TimestampRules) -> None:
    allowed = allowed_after(rules, ZERO_S, 4, ZERO_S + 5)
    assert allowed == {END, 12, *range(ZERO_S + 5, VOCABULARY)}


def test_text_follows_the_second_timestamp_of_a_pair(rules: TimestampRules) -> None:
    assert max(allowed_after(rules, ZERO_S, 4, ZERO_S + 5, ZERO_S + 5)) < ZERO_S


def test_timestamps_that_are_together_more_probable_than_any_word_win(rules: TimestampRules) -> None:
    state = replay(rules, [[ZERO_S, 4]])
    logits = torch.zeros(1, VOCABULARY)
    logits[:, 7] = 2.0  # less than ln(15), more than any timestamp alone
    rules.apply(logits, state)
    assert (logits[0, :ZERO_S] == -inf).all()


def test_a_word_more_probable_than_all_timestamps_together_stays(rules: TimestampRules) -> None:
    state = replay(rules, [[ZERO_S, 4]])
    logits = torch.zeros(1, VOCABULARY)
    logits[:, 7] = 3.0
    rules.apply(logits, state)
    assert logits[0].argmax() == 7


def test_rows_that_are_kept_keep_their_own_state(rules: TimestampRules) -> None:
    histories = [[ZERO_S, 4, 4], [ZERO_S + 1, 4, ZERO_S + 3], [ZERO_S + 2, 1, ZERO_S + 4]]
    state = replay(rules, histories)
    state.keep(torch.tensor([2, 0]))
    kept, alone = torch.zeros(2, VOCABULARY), torch.zeros(2, VOCABULARY)
    rules.apply(kept, state)
    rules.apply(alone, replay(rules, [histories[2], histories[0]]))
    assert torch.equal(kept, alone)


@pytest.mark.parametrize("limit", [None, 0, 6])
@pytest.mark.parametrize("seed", range(3))
def test_the_rules_are_those_of_transformers(limit: int | None, seed: int) -> None:
    """Sixteen random walks through what is allowed; after each token both allow the same."""
    settings = Settings(max_initial_timestamp_index=limit)
    config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        eos_token_id=END, no_timestamps_token_id=NO_TIMESTAMPS, max_initial_timestamp_index=limit
    )
    processors = [
        SuppressTokensAtBeginLogitsProcessor(settings.begin_suppress_tokens, begin_index=1),
        SuppressTokensLogitsProcessor(settings.suppress_tokens),
        WhisperTimeStampLogitsProcessor(config, begin_index=1),
    ]
    rules = TimestampRules(settings, VOCABULARY, CPU)
    generator = torch.Generator().manual_seed(seed)
    ids = torch.zeros(16, 1, dtype=torch.int64)
    state: TimestampState | None = None
    for _ in range(12):
        logits = torch.randn(16, VOCABULARY, generator=generator) * 3
        theirs = logits.clone()
        for processor in processors:
            theirs = processor(ids, theirs)
        if state is None:
            rules.first(logits)
        else:
            rules.apply(logits, state)
        assert torch.equal(logits, theirs)
        probabilities = logits.softmax(-1).nan_to_num(1.0)  # a row may have come to where nothing is allowed
        chosen = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
        if state is None:
            state = rules.begin(chosen)
        else:
            rules.advance(state, chosen)
        ids = torch.cat([ids, chosen[:, None]], dim=1)

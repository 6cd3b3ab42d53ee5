"""Which tokens Whisper may choose next: the rules that keep its timestamps in pairs and in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

import torch


class GenerationSettings(Protocol):
    """What is needed of transformers' GenerationConfig, as Whisper checkpoints fill it."""

    @property
    def eos_token_id(self) -> int | Sequence[int]:
        """The end of the text."""

    @property
    def no_timestamps_token_id(self) -> int:
        """The token before the first timestamp."""

    @property
    def suppress_tokens(self) -> Sequence[int] | None:
        """What is never chosen."""

    @property
    def begin_suppress_tokens(self) -> Sequence[int] | None:
        """What is not chosen first."""


@dataclass(slots=True)
class TimestampState:
    """What the rules have to remember of each row's tokens; it stays on the device.

    Attributes:
        after_timestamp: bool [rows], whether the latest token is a timestamp.
        after_pair: bool [rows], whether the one before it is; the edge of the text counts as one.
        latest: int64 [rows], the latest timestamp token.
    """

    after_timestamp: torch.Tensor
    after_pair: torch.Tensor
    latest: torch.Tensor

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all rows but those at these indices."""
        self.after_timestamp = self.after_timestamp[rows]
        self.after_pair = self.after_pair[rows]
        self.latest = self.latest[rows]


class TimestampRules:
    """The decoding constraints of Radford et al. 2022, section 4.5, for all rows at once and without a host sync.

    Equal to transformers' SuppressTokens, SuppressTokensAtBegin and WhisperTimeStamp logits processors, one after the
    other. Logits are float32 [rows, vocabulary] and are changed in place; a token that may not be chosen becomes -inf.
    """

    def __init__(self, settings: GenerationSettings, vocabulary: int, device: torch.device) -> None:
        ends = settings.eos_token_id
        self.end_of_text: int = ends if isinstance(ends, int) else ends[0]
        self.first_timestamp: int = settings.no_timestamps_token_id + 1
        never = {settings.no_timestamps_token_id, *(settings.suppress_tokens or ())}
        self._never = torch.tensor(sorted(never), device=device)
        not_first = torch.zeros(vocabulary, dtype=torch.bool)
        not_first[: self.first_timestamp] = True
        not_first[[*never, *(settings.begin_suppress_tokens or ())]] = True
        latest_start: int | None = getattr(settings, "max_initial_timestamp_index", None)
        if latest_start is not None:
            not_first[self.first_timestamp + latest_start + 1 :] = True
        self._not_first = not_first.to(device)
        self._timestamps = torch.arange(self.first_timestamp, vocabulary, device=device)

    def first(self, logits: torch.Tensor) -> None:
        """Before the first token: it is a timestamp, and not a late one."""
        logits.masked_fill_(self._not_first, -inf)

    def begin(self, chosen: torch.Tensor) -> TimestampState:
        """The state after the first token, int64 [rows]."""
        return TimestampState(
            after_timestamp=torch.ones_like(chosen, dtype=torch.bool),
            after_pair=torch.ones_like(chosen, dtype=torch.bool),
            latest=chosen,
        )

    def apply(self, logits: torch.Tensor, state: TimestampState) -> None:
        """Before every later token.

        Timestamps come in pairs (the end of a phrase, the start of the next) except before the end of the text, never
        go back, and a phrase is never empty. When all timestamps together are more probable than the best text token,
        it is a timestamp.
        """
        logits.index_fill_(1, self._never, -inf)
        closing = state.after_timestamp & ~state.after_pair
        opened = state.after_timestamp & state.after_pair
        _forbid(logits[:, : self.end_of_text], closing)
        text, timestamps = logits[:, : self.first_timestamp], logits[:, self.first_timestamp :]
        lowest = torch.where(closing, state.latest, state.latest + 1)
        timestamps.masked_fill_(opened[:, None] | (self._timestamps < lowest[:, None]), -inf)
        wanted = timestamps.logsumexp(-1) > text.amax(-1)
        _forbid(text, wanted)

    def advance(self, state: TimestampState, chosen: torch.Tensor) -> None:
        """Take in each row's next token, int64 [rows]."""
        timestamp = chosen >= self.first_timestamp
        state.after_pair = state.after_timestamp
        state.after_timestamp = timestamp
        state.latest = torch.where(timestamp, chosen, state.latest)


def _forbid(logits: torch.Tensor, rows: torch.Tensor) -> None:
    """Let nothing of these scores be chosen in the rows where that is so, bool [rows]."""
    if logits.device.type == "cpu":
        # A few rows of many, and a pass over all of them takes longer than a log-softmax.
        logits.index_fill_(0, rows.nonzero()[:, 0], -inf)
    else:
        logits.masked_fill_(rows[:, None], -inf)  # without waiting for the device to say which

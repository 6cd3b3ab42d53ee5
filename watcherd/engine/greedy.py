"""Greedy decoding with timestamps: what transformers' ``generate`` gives, without its cost for each step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules

GPU_STEPS_BETWEEN_LOOKS: Final = 8
"""Asking a GPU which rows are open waits for all of its work; between two looks a few steps too many cost less."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was decoded of one window."""

    tokens: tuple[int, ...]
    """Text and timestamps, without the prompt and the end of the text."""
    logprobs: tuple[float, ...]
    """The natural-log probability of each of them."""
    avg_logprob: float
    """The mean of these, the end of the text with them."""
    no_speech_prob: float | None
    """How probable the model found it, before its first token, that nobody speaks; None where it has no such token."""
    language_prob: float | None
    """How probable it found the prompt's language there; None where it does not tell languages apart."""


class GreedyDecode:
    """Chooses the most probable token that the rules allow, for all windows of a batch together."""

    def __init__(
        self,
        decoder: TextDecoder,
        rules: TimestampRules,
        no_speech_id: int | None,
        language_ids: Sequence[int] = (),
    ) -> None:
        """Prepare for one model.

        Args:
            decoder: its network.
            rules: what it may choose.
            no_speech_id: the token that means silence, where it has one.
            language_ids: the tokens of the languages that it tells apart; none for a model of one language.
        """
        self._decoder = decoder
        self._rules = rules
        self._ways = 1
        self._no_speech_id = no_speech_id
        self._language_places = {token: place for place, token in enumerate(language_ids)}
        self._language_ids = torch.tensor(language_ids, dtype=torch.int64, device=decoder.device)
        self._steps_between_looks = 1 if decoder.device.type == "cpu" else GPU_STEPS_BETWEEN_LOOKS

    def __call__(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, *, start_at: int = 0
    ) -> list[Decoded]:
        """Decode a batch.

        Args:
            heard: what ``TextDecoder.hear`` made of the encoder's output, one row a window. It is overwritten.
            prompts: for each window the tokens that it begins with; all of one length.
            max_new_tokens: where a row is cut off; the model's context may cut it off earlier.
            start_at: the place of ``<|startoftranscript|>`` in the prompts, followed by the language's token. What is
                before it has no say in whether anybody speaks, and in which language.
        """
        cache, logits, starts, most = self.begin(heard, prompts, max_new_tokens, start_at)
        rows = _Rows(len(prompts), most, self._rules.end_of_text, self._decoder.device)
        chosen = rows.take(logits)
        state = self._rules.begin(chosen)
        for step in range(1, most):
            if step % self._steps_between_looks == 0:
                still_open = rows.open.nonzero()[:, 0]
                if still_open.shape[0] == 0:
                    break
                if still_open.shape[0] < rows.open.shape[0]:
                    still_open = cache.keep(still_open)
                    state.keep(still_open)
                    rows.keep(still_open)
                    chosen = chosen[still_open]
            logits = self._decoder.logits(self._decoder.step(chosen[:, None], cache)[:, -1])
            self._rules.apply(logits, state)
            chosen = rows.take(logits)
            self._rules.advance(state, chosen)
        return [
            Decoded(tokens, logprobs, avg_logprob, *start)
            for (tokens, logprobs, avg_logprob), start in zip(rows.results(), starts, strict=True)
        ]

    def begin(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, start_at: int
    ) -> tuple[DecoderCache, torch.Tensor, list[tuple[float | None, float | None]], int]:
        """Read the prompts.

        Returns:
            The cache with them, the scores [rows, vocabulary] of the first token by the rules, how probable it is for
            each row that nobody speaks and that its language is spoken, and how many tokens there may be.
        """
        most = min(max_new_tokens, self._decoder.context - len(prompts[0]))
        prompt = torch.tensor(prompts, device=self._decoder.device)
        cache = DecoderCache(heard, capacity=prompt.shape[1] + most, dtype=self._decoder.dtype, ways=self._ways)
        # With text before it, noise sounds less like silence: 0.4 instead of 0.8 to Whisper base.
        alone = self._after_start(heard, prompts[0][start_at]) if start_at else None
        hidden = self._decoder.step(prompt, cache)
        starts = self._starts(
            hidden[:, 0] if alone is None else alone, [row[start_at + 1 : start_at + 2] for row in prompts]
        )
        logits = self._decoder.logits(hidden[:, -1])
        self._rules.first(logits)
        return cache, logits, list(starts), most

    def start_scores(self, heard: list[KeysAndValues], start: int) -> torch.Tensor:
        """Float32 scores [rows, vocabulary] of what may follow the start token; there the languages are told apart."""
        return self._decoder.logits(self._after_start(heard, start))

    def _after_start(self, heard: list[KeysAndValues], start: int) -> torch.Tensor:
        """The decoder's output [rows, width] for the start token, with nothing before it."""
        tokens = torch.full((heard[0][0].shape[0], 1), start, device=self._decoder.device)
        cache = DecoderCache(heard, capacity=1, dtype=self._decoder.dtype)
        return self._decoder.step(tokens, cache)[:, 0]

    def _starts(
        self, hidden: torch.Tensor, languages: Sequence[Sequence[int]]
    ) -> Iterator[tuple[float | None, float | None]]:
        """For each row the probabilities of silence and of its language, from what followed the start token."""
        scores = self._decoder.logits(hidden) if self._no_speech_id is not None or self._language_places else None
        silence: list[float] | None = None
        among: list[list[float]] | None = None
        if scores is not None and self._no_speech_id is not None:
            silence = scores.softmax(-1)[:, self._no_speech_id].tolist()
        if scores is not None and self._language_places:
            among = scores[:, self._language_ids].softmax(-1).tolist()
        for row, language in enumerate(languages):
            place = self._language_places.get(language[0]) if language else None
            yield (
                None if silence is None else silence[row],
                None if among is None or place is None else among[row][place],
            )


class _Rows:
    """The rows of a batch while they are decoded: which are open, and what was chosen in all of them."""

    def __init__(self, count: int, most: int, end_of_text: int, device: torch.device) -> None:
        self._end_of_text = end_of_text
        self.open = torch.ones(count, dtype=torch.bool, device=device)
        self._places = torch.arange(count, device=device)
        self._tokens = torch.full((count, most), end_of_text, device=device)
        self._logprobs = torch.zeros(count, most, device=device)
        self._counts = torch.zeros(count, dtype=torch.int64, device=device)
        self._steps = 0

    def take(self, logits: torch.Tensor) -> torch.Tensor:
        """Choose each row's next token, int64 [rows]; rows that have ended go on with the end of the text."""
        chosen = logits.argmax(-1)
        # Not by logsumexp, which sums a single row in another order than each of several.
        logprobs = logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0]
        self._logprobs[self._places, self._steps] = torch.where(self.open, logprobs, 0.0)
        self._counts.index_add_(0, self._places, self.open.long())
        chosen = torch.where(self.open, chosen, self._end_of_text)
        self._tokens[self._places, self._steps] = chosen
        self._steps += 1
        self.open = self.open & (chosen != self._end_of_text)
        return chosen

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with the rows at these indices alone."""
        self.open = self.open[rows]
        self._places = self._places[rows]

    def results(self) -> Iterator[tuple[tuple[int, ...], tuple[float, ...], float]]:
        """Tokens up to the end of the text, their log probabilities, and the mean of these and the end's."""
        means = (self._logprobs.sum(1) / self._counts).tolist()
        for tokens, logprobs, mean in zip(self._tokens.tolist(), self._logprobs.tolist(), means, strict=True):
            until = tokens.index(self._end_of_text) if self._end_of_text in tokens else len(tokens)
            yield tuple(tokens[:until]), tuple(logprobs[:until]), mean

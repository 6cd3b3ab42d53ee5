"""Greedy decoding with timestamps: what transformers' ``generate`` gives, without its cost for each step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules

Start = tuple[float | None, float | None]
"""How probable it is before the first token that nobody speaks, and that the prompt's language is spoken."""


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

    def __call__(
        self,
        heard: list[KeysAndValues],
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        *,
        befores: Sequence[Sequence[int]] = (),
        keep_heard: bool = False,
    ) -> list[Decoded]:
        """Decode a batch.

        Args:
            heard: what ``TextDecoder.hear`` made of the encoder's output, one row a window. It may be overwritten.
            prompts: for each window the tokens that it begins with, ``<|startoftranscript|>`` and the language's token
                among them; all of one length.
            max_new_tokens: where a row is cut off; the model's context may cut it off earlier.
            befores: for each window the tokens before these; without any, none. They have no say in whether anybody
                speaks, and in which language.
            keep_heard: leave ``heard`` as it is.
        """
        befores = befores or [()] * len(prompts)
        together: dict[int, list[int]] = {}
        for row, before in enumerate(befores):
            together.setdefault(len(before), []).append(row)
        decoded: dict[int, Decoded] = {}
        for length, rows in together.items():
            spare = len(rows) == len(befores) and not keep_heard
            own = heard if spare else [(keys[rows], values[rows]) for keys, values in heard]
            begun = [[*befores[row], *prompts[row]] for row in rows]
            decoded.update(zip(rows, self._follow(own, begun, max_new_tokens, start_at=length), strict=True))
        return [decoded[row] for row in range(len(befores))]

    def _follow(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, *, start_at: int
    ) -> list[Decoded]:
        """Decode windows with equally much before them, ``start_at`` tokens."""
        cache, logits, starts, most = self._begin(heard, prompts, max_new_tokens, start_at)
        rows = Rows(len(prompts), most, self._rules.end_of_text, self._decoder.device)
        chosen = rows.take(logits)
        state = self._rules.begin(chosen)
        for _ in range(1, most):
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
        return rows.results(starts)

    def _begin(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, start_at: int
    ) -> tuple[DecoderCache, torch.Tensor, list[Start], int]:
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
        starts = self._starts(hidden[:, 0] if alone is None else alone, [row[start_at:] for row in prompts])
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

    def _starts(self, hidden: torch.Tensor, prompts: Sequence[Sequence[int]]) -> Iterator[Start]:
        """For each row the probabilities of silence and of its language, from what followed the start token."""
        scores = self._decoder.logits(hidden) if self._no_speech_id is not None or self._language_places else None
        silence: list[float] | None = None
        among: list[list[float]] | None = None
        if scores is not None and self._no_speech_id is not None:
            silence = scores.softmax(-1)[:, self._no_speech_id].tolist()
        if scores is not None and self._language_places:
            among = scores[:, self._language_ids].softmax(-1).tolist()
        for row, (_, *language) in enumerate(prompts):
            place = self._language_places.get(language[0]) if language else None
            yield (
                None if silence is None else silence[row],
                None if among is None or place is None else among[row][place],
            )


class Rows:
    """The rows of a batch while they are decoded: which are open, and what was chosen in all of them.

    Between two calls of ``keep`` or ``restart`` its tensors stay where they are, so that ``take`` can be recorded.
    """

    def __init__(self, count: int, most: int, end_of_text: int, device: torch.device) -> None:
        self._end_of_text = end_of_text
        self.open = torch.ones(count, dtype=torch.bool, device=device)
        self._places = torch.arange(count, device=device)
        self._tokens = torch.full((count, most), end_of_text, device=device)
        self._logprobs = torch.zeros(count, most, device=device)
        self._counts = torch.zeros(count, dtype=torch.int64, device=device)
        self._steps = torch.zeros(1, dtype=torch.int64, device=device)

    def restart(self, count: int) -> None:
        """Begin anew, with so many rows open."""
        self.open.copy_(self._places < count)
        self._tokens.fill_(self._end_of_text)
        self._logprobs.zero_()
        self._counts.zero_()
        self._steps.zero_()

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
        self.open &= chosen != self._end_of_text
        return chosen

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with the rows at these indices alone."""
        self.open = self.open[rows]
        self._places = self._places[rows]

    def results(self, starts: Sequence[Start]) -> list[Decoded]:
        """What was decoded in the first rows, one for each of these."""
        count = len(starts)
        tokens, logprobs = self._tokens[:count], self._logprobs[:count]
        means = (logprobs.sum(1) / self._counts[:count]).tolist()
        rows = zip(tokens.tolist(), logprobs.tolist(), means, starts, strict=True)
        return [self._decoded(*row) for row in rows]

    def _decoded(self, tokens: list[int], logprobs: list[float], mean: float, start: Start) -> Decoded:
        """Of one row, up to the end of the text; the mean is with the end's."""
        until = tokens.index(self._end_of_text) if self._end_of_text in tokens else len(tokens)
        return Decoded(tuple(tokens[:until]), tuple(logprobs[:until]), mean, *start)

"""Beam search with timestamps: several texts of each window are followed, and the most probable of them is taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

import torch

from watcherd.engine.decoder_cache import KeysAndValues, every_way
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules

BEAMS: Final = 5
"""As in Radford et al. 2022, section 4.5."""

PATIENCE: Final = 1.0
"""The search for a window ends when this share of ``BEAMS`` has come to the end of the text (Kasai et al. 2022)."""

BLOCK: Final = 128
"""Scores are looked through in blocks: a block's highest score says whether it has to be looked into."""


@dataclass(frozen=True, slots=True)
class Text:
    """One way to go on."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Of each token."""
    logprob: float
    """Of all tokens together, the end of the text with them."""
    ended: bool = False

    @property
    def avg_logprob(self) -> float:
        """Of each token, the end of the text with them: what texts of different lengths are compared by."""
        return self.logprob / (len(self.tokens) + self.ended)


@dataclass(slots=True)
class _Search:
    """The search for one window's text."""

    place: int
    """The window's in the batch."""
    texts: list[Text]
    """Those that are followed."""
    ended: list[Text] = field(default_factory=list)

    def go_on(self, candidates: Sequence[tuple[float, int, int]], beams: int, end_of_text: int) -> list[int]:
        """Take in the best next tokens as (log probability with its text, index of its text, token), best first.

        Returns:
            For each text that is followed from now on, which one it continues.
        """
        befores, texts = [], []
        for logprob, before, token in candidates:
            text = self.texts[before]
            if token == end_of_text and logprob > -inf:
                self.ended.append(Text(text.tokens, text.logprobs, logprob, ended=True))
            elif token != end_of_text:
                befores.append(before)
                texts.append(Text((*text.tokens, token), (*text.logprobs, logprob - text.logprob), logprob))
                if len(texts) == beams:
                    break
        self.texts = texts
        return befores

    def best(self) -> Text:
        """The most probable text; one that was cut off only where none came to its end."""
        return max(self.ended or self.texts, key=lambda text: text.avg_logprob)


class BeamDecode(GreedyDecode):
    """Follows the ``beams`` most probable texts of each window that the rules allow.

    The search of OpenAI's reference implementation: a text that ends is put aside while the others go on, until there
    are as many ended ones as texts are followed; then the highest mean log probability wins. The texts of a window
    share what the encoder heard, so the price is that of further rows in the decoder alone.
    """

    def __init__(
        self,
        decoder: TextDecoder,
        rules: TimestampRules,
        no_speech_id: int | None,
        language_ids: Sequence[int] = (),
        *,
        beams: int = BEAMS,
    ) -> None:
        super().__init__(decoder, rules, no_speech_id, language_ids)
        self._beams = beams
        self._enough = max(1, round(beams * PATIENCE))

    def __call__(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, *, start_at: int = 0
    ) -> list[Decoded]:
        """See ``GreedyDecode``."""
        cache, logits, starts, most = self.begin(heard, prompts, max_new_tokens, start_at)
        searches = [_Search(place, [Text((), (), 0.0)]) for place in range(len(prompts))]
        here = searches  # those that have rows in the batch
        befores = self._choose(logits, here)
        cache.fork(self._beams)
        chosen = self._latest(here)
        state = self._rules.begin(chosen)
        for _ in range(1, most):
            still_open = [row for row, search in enumerate(here) if len(search.ended) < self._enough]
            if not still_open:
                break
            if len(still_open) < len(here):
                rows = cache.keep(torch.tensor(still_open, device=self._decoder.device))
                state.keep(every_way(rows, self._beams))
                here = [here[row] for row in rows.tolist()]
                chosen = self._latest(here)
            logits = self._decoder.logits(self._decoder.step(chosen[:, None], cache)[:, -1])
            self._rules.apply(logits, state)
            befores = self._choose(logits, here)
            cache.follow(befores)
            state.keep(befores)
            chosen = self._latest(here)
            self._rules.advance(state, chosen)
        return [
            Decoded(best.tokens, best.logprobs, best.avg_logprob, *start)
            for best, start in zip((search.best() for search in searches), starts, strict=True)
        ]

    def _choose(self, logits: torch.Tensor, searches: Sequence[_Search]) -> torch.Tensor:
        """Let every search go on with its best next tokens.

        Args:
            logits: float32 [searches * texts, vocabulary], by the rules.
            searches: each with the same number of texts.

        Returns:
            For each text that is followed from now on the row of the text that it continues, int64 [rows].
        """
        texts = len(searches[0].texts)
        before = torch.tensor([[text.logprob for text in search.texts] for search in searches], device=logits.device)
        # Not by logsumexp, which sums few rows in another order than many.
        best, tokens = _highest(logits.log_softmax(-1), 2 * self._beams)
        totals = best + before.view(-1, 1)
        # Each text can end but once: among twice as many candidates as texts there are enough that go on.
        best, places = totals.view(len(searches), -1).topk(2 * self._beams)
        tokens = tokens.view(len(searches), -1).gather(1, places)
        origins = places // (2 * self._beams)
        befores = [
            row * texts + origin
            for row, (search, *candidates) in enumerate(
                zip(searches, best.tolist(), origins.tolist(), tokens.tolist(), strict=True)
            )
            for origin in search.go_on(list(zip(*candidates, strict=True)), self._beams, self._rules.end_of_text)
        ]
        return torch.tensor(befores, device=logits.device)

    def _latest(self, searches: Sequence[_Search]) -> torch.Tensor:
        tokens = [text.tokens[-1] for search in searches for text in search.texts]
        return torch.tensor(tokens, device=self._decoder.device)


def _highest(scores: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The highest scores of each row and where they stand, as ``topk``, which sorts through all of a row on a CPU."""
    if scores.device.type != "cpu":
        best, places = scores.topk(count)
        return best, places
    rows, width = scores.shape
    whole = width // BLOCK * BLOCK
    blocks = scores[:, :whole].view(rows, -1, BLOCK)
    _, fullest = blocks.amax(-1).topk(count)
    inside = (fullest[:, :, None] * BLOCK + torch.arange(BLOCK)).flatten(1)
    candidates = torch.cat([inside, torch.arange(whole, width).expand(rows, -1)], 1)
    best, places = scores.gather(1, candidates).topk(count)
    return best, candidates.gather(1, places)

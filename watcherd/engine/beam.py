"""Beam search with timestamps: several texts of each window are followed, and the most probable of them is taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from typing import Final

import torch

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.greedy import Decoded, GreedyDecode
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules

BEAMS: Final = 5
"""As in Radford et al. 2022, section 4.5."""

PATIENCE: Final = 1.0
"""The search for a window ends when this share of ``BEAMS`` has come to the end of the text (Kasai et al. 2022)."""

MARGIN: Final = 2.5
"""A text whose log probability is so much lower than the best one's is given up.

Of 9,843 words in five languages Whisper base got 940 wrong with it, following 3.4 texts of a window on average; 963
with 1.5 (2.1 texts), 952 with 2 (2.9) and 947 with 3 (3.8). A beam that gives up neither these nor those of one end
had 967 where 3 had 948.
"""

LATE: Final = 0.3
LATE_TOKENS: Final = 4
"""A text that has been so much behind the best one for more than so many tokens is given up, too.

What does not catch up soon wins by being short, if at all. Of 16,082 words in five languages Whisper base got 1,588
wrong with it, following 2.4 texts of a window; without it 1,624 (3.5 texts), with 1.0 and 3 1,611 (2.9), with 0.6 and 2
1,607 (2.2), and with 0 and 6 1,600 (2.4).
"""

SAME_END: Final = 3
"""Two texts that end with so many equal tokens go on alike, and only the more probable one is followed; timestamps
count as equal. Otherwise a beam is full of the same words with other times and commas.

To give the one that is followed the probability of the others, too, or to choose among the texts that have ended the
one that differs least from all of them, changed nothing: 1,620 and 1,622 wrong words of 16,082 instead of 1,624.
"""

AS_FAR: Final = 50
"""A text whose last timestamp is more than a second (of 0.02 s a step) before the furthest one's has left speech out:
it is short, and its mean log probability says nothing of what is missing."""

BLOCK: Final = 128
"""Scores are looked through in blocks: a block's highest score says whether it has to be looked into."""

Candidate = tuple[float, int, int]
"""A way to go on: the log probability with its text, that text's index, the token."""


@dataclass(frozen=True, slots=True)
class Text:
    """One way to go on."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Of each token."""
    logprob: float
    """Of all tokens together, the end of the text with them."""
    ended: bool = False
    late: int = 0
    """For how many tokens in a row it has been ``LATE`` behind the best one."""

    @property
    def avg_logprob(self) -> float:
        """Of each token, the end of the text with them: what texts of different lengths are compared by."""
        return self.logprob / (len(self.tokens) + self.ended)


@dataclass(slots=True)
class _Search:
    """The search for one window's text."""

    texts: list[Text]
    """Those that are followed, the most probable first."""
    rows: list[int]
    """Of each of them in the batch; before they have one, of the text that it continues."""
    ended: list[Text] = field(default_factory=list)

    def go_on(self, candidates: Sequence[Candidate], beams: int, rules: TimestampRules) -> None:
        """Take in the next tokens, best first; afterwards ``rows`` tells which texts are continued."""
        rows: list[int] = []
        texts: list[Text] = []
        ends: set[tuple[int, ...]] = set()
        best = candidates[0][0]
        for logprob, before, token in candidates:
            if len(texts) == beams or logprob < best - MARGIN or logprob == -inf:
                break
            text = self.texts[before]
            if token == rules.end_of_text:
                self.ended.append(Text(text.tokens, text.logprobs, logprob, ended=True))
                continue
            tokens = (*text.tokens, token)
            late = text.late + 1 if logprob < best - LATE else 0
            if late <= LATE_TOKENS and (end := _end(tokens, rules.first_timestamp)) not in ends:
                ends.add(end)
                rows.append(self.rows[before])
                texts.append(Text(tokens, (*text.logprobs, logprob - text.logprob), logprob, late=late))
        self.texts, self.rows = texts, rows

    def best(self, first_timestamp: int) -> Text:
        """The most probable text that goes far enough; one that was cut off only where none came to its end."""
        among = [(_until(text, first_timestamp), text) for text in self.ended or self.texts]
        furthest = max(until for until, _ in among)
        return max((text for until, text in among if until >= furthest - AS_FAR), key=lambda text: text.avg_logprob)


class BeamDecode(GreedyDecode):
    """Follows up to ``beams`` texts of each window that the rules allow, as long as they are probable and differ.

    The search of OpenAI's reference implementation: a text that ends is put aside while the others go on, until there
    are as many ended ones as texts are followed; then the highest mean log probability wins. But texts that have become
    improbable or stay behind are given up, so are those that differ only in what lies behind, and a text that leaves
    speech out does not win. The texts of a window share what the encoder heard: the price is that of further rows in
    the decoder.
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
        self._ways = beams
        self._enough = max(1, round(beams * PATIENCE))

    def _follow(
        self, heard: list[KeysAndValues], prompts: Sequence[Sequence[int]], max_new_tokens: int, *, start_at: int
    ) -> list[Decoded]:
        cache, logits, starts, most = self._begin(heard, prompts, max_new_tokens, start_at)
        searches = [_Search([Text((), (), 0.0)], [row]) for row in range(len(prompts))]
        self._choose(logits, searches)
        chosen, _ = self._settle(cache, searches)
        state = self._rules.begin(chosen)
        here = searches  # those that have windows in the batch
        for _ in range(1, most):
            logits = self._decoder.logits(self._decoder.step(chosen[:, None], cache)[:, -1])
            self._rules.apply(logits, state)
            self._choose(logits, here)
            still_open = [place for place, search in enumerate(here) if self._goes_on(search)]
            if not still_open:
                break
            if len(still_open) < len(here):
                order = cache.keep_windows(torch.tensor(still_open, device=self._decoder.device))
                here = [here[place] for place in order.tolist()]
            chosen, befores = self._settle(cache, here)
            state.keep(befores)
            self._rules.advance(state, chosen)
        found = (search.best(self._rules.first_timestamp) for search in searches)
        return [
            Decoded(best.tokens, best.logprobs, best.avg_logprob, *start)
            for best, start in zip(found, starts, strict=True)
        ]

    def _goes_on(self, search: _Search) -> bool:
        return bool(search.texts) and len(search.ended) < self._enough

    def _choose(self, logits: torch.Tensor, searches: Sequence[_Search]) -> None:
        """Let every search go on with its best next tokens; logits are float32 [rows, vocabulary], by the rules."""
        # Of twice as many as texts are followed enough are left when some end, and some are like others.
        # Not by logsumexp, which sums few rows in another order than many.
        best, tokens = _highest(logits.log_softmax(-1), 2 * self._ways)
        scores, following = best.tolist(), tokens.tolist()
        for search in searches:
            candidates = [
                (text.logprob + score, index, token)
                for index, (text, row) in enumerate(zip(search.texts, search.rows, strict=True))
                for score, token in zip(scores[row], following[row], strict=True)
            ]
            search.go_on(sorted(candidates, key=itemgetter(0), reverse=True), self._ways, self._rules)

    def _settle(self, cache: DecoderCache, searches: Sequence[_Search]) -> tuple[torch.Tensor, torch.Tensor]:
        """Give every text a row, the one before it where that is possible.

        Returns:
            The latest token of each row, and the row that it goes on from, both int64 [rows].
        """
        followed = [
            (before, window * self._ways + way, text.tokens[-1])
            for window, search in enumerate(searches)
            for way, (before, text) in enumerate(zip(search.rows, search.texts, strict=True))
        ]
        rows = _rows([before for before, _, _ in followed])
        given = iter(rows)
        for search in searches:
            search.rows = [next(given) for _ in search.texts]
        by_row = [one for _, one in sorted(zip(rows, followed, strict=True))]
        befores, places, latest = zip(*by_row, strict=True)
        cache.follow(befores, places)
        device = self._decoder.device
        return torch.tensor(latest, device=device), torch.tensor(befores, device=device)


def _end(tokens: tuple[int, ...], first_timestamp: int) -> tuple[int, ...]:
    """The last tokens of a text, with all timestamps alike; as few as hold ``SAME_END`` that are none."""
    end: list[int] = []
    words = 0
    for token in reversed(tokens):
        end.append(min(token, first_timestamp))
        words += token < first_timestamp
        if words == SAME_END:
            break
    return tuple(end)


def _until(text: Text, first_timestamp: int) -> int:
    """Its last timestamp."""
    return next(token for token in reversed(text.tokens) if token >= first_timestamp)


def _rows(befores: Sequence[int]) -> list[int]:
    """A row for each, from 0 on without a gap: the one that it goes on from where that is free, or else another."""
    free = set(range(len(befores)))
    places: list[int | None] = []
    for before in befores:
        places.append(before if before in free else None)
        free.discard(before)
    rest = iter(sorted(free))
    return [next(rest) if place is None else place for place in places]


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

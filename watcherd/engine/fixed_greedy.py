"""Greedy decoding in places that never change, so that a GPU is given every step in one launch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Final

import torch

from watcherd.engine.decoder_cache import KeysAndValues
from watcherd.engine.fixed_cache import FixedCache
from watcherd.engine.greedy import Decoded, GreedyDecode, Rows, Start
from watcherd.engine.recorded import recorded
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.timestamp_rules import TimestampRules, TimestampState

SHORT: Final = 256
"""Places for tokens, the prompt's with them, that suffice where no vocabulary is before it."""

STEPS_BETWEEN_LOOKS: Final = 8
"""Asking a GPU whether a row is open waits for all of its work; between two looks a few steps too many cost less."""


@dataclass(frozen=True, slots=True)
class _Room:
    """Places for the texts, and the step that writes there."""

    cache: FixedCache
    step: Callable[[], None]


class FixedGreedyDecode(GreedyDecode):
    """Chooses the same tokens as ``GreedyDecode``, always in as many rows, whether they have windows or not.

    A step is recorded once and replayed from then on. Every product has the same shape every time, so that a row's text
    does not depend on its company.
    """

    def __init__(
        self,
        decoder: TextDecoder,
        rules: TimestampRules,
        no_speech_id: int | None,
        language_ids: Sequence[int],
        *,
        heard: list[KeysAndValues],
        most: int,
    ) -> None:
        """Prepare for one model.

        Args:
            decoder: see ``GreedyDecode``.
            rules: likewise.
            no_speech_id: likewise.
            language_ids: likewise.
            heard: where what was heard is put before each call, with a row for each window that there may be. Their
                number may change between two calls.
            most: new tokens of a row at most.
        """
        super().__init__(decoder, rules, no_speech_id, language_ids)
        self._heard, self._most = heard, most
        self._lies_at: list[int] = []
        self._said: list[KeysAndValues] = []
        self._rooms: dict[int, _Room] = {}

    def __call__(
        self,
        heard: list[KeysAndValues],  # noqa: ARG002  it lies where this looks for it
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        *,
        befores: Sequence[Sequence[int]] = (),
        keep_heard: bool = False,  # noqa: ARG002  nothing is overwritten
    ) -> list[Decoded]:
        """See ``GreedyDecode``; ``heard`` are the first rows of what this was made with."""
        lies_at = [len(self._heard[0][0]), *(tensor.data_ptr() for pair in self._heard for tensor in pair)]
        if self._lies_at != lies_at:  # what is recorded would look where it lay before
            self._take_memory()
            self._lies_at = lies_at
        count = len(prompts)
        befores = befores or [()] * count
        begun = [[*before, *prompt] for before, prompt in zip(befores, prompts, strict=True)]
        longest = max(map(len, begun))
        most = min(max_new_tokens, self._most, self._decoder.context - longest)
        room = self._room(longest + most)
        logits, starts = self._read(begun, [len(before) for before in befores], room.cache)
        self._rows.restart(count)
        self._chosen.copy_(self._rows.take(logits))
        self._keep(self._rules.begin(self._chosen))
        for step in range(1, most):
            if step % STEPS_BETWEEN_LOOKS == 0 and not self._rows.open.any():
                break
            room.step()
        return self._rows.results(starts)

    def _take_memory(self) -> None:
        """For as many rows as there are now, instead of what there was."""
        self._said.clear()
        self._rooms.clear()
        rows, heads, _, width = self._heard[0][0].shape
        device = self._decoder.device
        room = partial(torch.zeros, rows, heads, self._decoder.context, width, dtype=self._decoder.dtype, device=device)
        self._said += [(room(), room()) for _ in self._heard]
        self._rows = Rows(rows, self._most, self._rules.end_of_text, device)
        self._chosen = torch.full((rows,), self._rules.end_of_text, device=device)
        self._state = self._rules.begin(self._chosen.clone())

    def _room(self, places: int) -> _Room:
        """The smaller one where that suffices: fewer places to attend to in every step."""
        places = min(SHORT, self._decoder.context) if places <= SHORT else self._decoder.context
        if places not in self._rooms:
            said = [(keys[:, :, :places], values[:, :, :places]) for keys, values in self._said]
            cache = FixedCache(self._heard, said)
            self._rows.restart(0)  # recording takes some steps, too
            self._rooms[places] = _Room(cache, recorded(partial(self._step, cache), self._decoder.device))
        return self._rooms[places]

    def _read(
        self, prompts: Sequence[Sequence[int]], starts_at: Sequence[int], cache: FixedCache
    ) -> tuple[torch.Tensor, list[Start]]:
        """Read the prompts into the cache; see ``GreedyDecode._begin``."""
        device = self._decoder.device
        longest = max(map(len, prompts))
        # What is behind a shorter prompt is seen by nothing of it, and its text is written over that.
        padded = [[*prompt, *repeat(prompt[-1], longest - len(prompt))] for prompt in prompts]
        padded += [padded[0]] * (len(self._chosen) - len(prompts))
        hidden = self._decoder.step(torch.tensor(padded, device=device), cache.begin(longest))
        lengths = [len(prompt) for prompt in prompts] + [longest] * (len(self._chosen) - len(prompts))
        cache.lengths.copy_(torch.tensor(lengths, device=device))
        begun = [prompt[start_at:] for prompt, start_at in zip(prompts, starts_at, strict=True)]
        alone = self._after_start(self._heard, begun[0][0]) if any(starts_at) else hidden[:, 0]
        starts = list(self._starts(alone[: len(prompts)], begun))
        logits = self._decoder.logits(hidden[torch.arange(len(self._chosen), device=device), cache.lengths - 1])
        self._rules.first(logits)
        return logits, starts

    def _step(self, cache: FixedCache) -> None:
        """One token more in every row. It is recorded: nothing here may depend on a value of a tensor."""
        logits = self._decoder.logits(self._decoder.step(self._chosen[:, None], cache)[:, -1])
        state = TimestampState(self._state.after_timestamp, self._state.after_pair, self._state.latest)
        self._rules.apply(logits, state)
        self._chosen.copy_(self._rows.take(logits))
        self._rules.advance(state, self._chosen)
        self._keep(state)

    def _keep(self, state: TimestampState) -> None:
        """Put a state where the next step looks for it."""
        self._state.after_pair.copy_(state.after_pair)  # first: it may be the other one as it was
        self._state.after_timestamp.copy_(state.after_timestamp)
        self._state.latest.copy_(state.latest)

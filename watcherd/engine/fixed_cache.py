"""The keys and values that a Whisper decoder attends to, in places that never change."""

from math import inf

import torch

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues


class FixedCache:
    """A cache for one token at a time of as many rows as ever, for steps that are recorded.

    Each row has its own place for the next token, in a tensor. All places are attended to, those behind it with a
    weight of zero: what is computed does not depend on how long the texts are, nor a row's text on its company.
    """

    def __init__(self, heard: list[KeysAndValues], said: list[KeysAndValues]) -> None:
        """Start without tokens.

        Args:
            heard: for each layer the keys and values of the encoder's output, written to between two texts.
            said: for each layer the memory for those of the tokens, with a place for every one that a row may have,
                the prompt's with them.
        """
        self._heard = heard
        self._said = said
        rows, _, capacity, _ = said[0][0].shape
        dtype, device = said[0][0].dtype, said[0][0].device
        self.lengths = torch.zeros(rows, dtype=torch.int64, device=device)
        """How many tokens each row has, int64 [rows]."""
        self._rows = torch.arange(rows, device=device)
        self._places = torch.arange(capacity, device=device)
        self._allowed, self._forbidden = torch.tensor([0, -inf], dtype=dtype, device=device)

    def begin(self, longest: int) -> DecoderCache:
        """Begin anew, with prompts of so many tokens.

        Returns:
            A cache for them, in the same memory; what it is extended by are the first tokens here.
        """
        for keys, values in self._said:  # nothing times zero is zero, but not if it is no number
            keys.zero_()
            values.zero_()
        said = [(keys[:, :, :longest], values[:, :, :longest]) for keys, values in self._said]
        return DecoderCache(self._heard, capacity=longest, dtype=said[0][0].dtype, said=said)

    def positions(self, table: torch.Tensor, count: int) -> torch.Tensor:
        """The embeddings [rows, 1, width] of the places of the next tokens."""
        assert count == 1  # noqa: S101  prompts are read by way of ``begin``
        return table[self.lengths][:, None]

    def extend(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Add the newest token's keys and values; returns those of all places."""
        all_keys, all_values = self._said[layer]
        all_keys[self._rows, :, self.lengths] = keys[:, :, 0]
        all_values[self._rows, :, self.lengths] = values[:, :, 0]
        return all_keys, all_values

    def mask(self) -> torch.Tensor:
        """What is added to the scores of all places, [rows, 1, 1, places]."""
        behind = self._places > self.lengths[:, None]
        return torch.where(behind, self._forbidden, self._allowed)[:, None, None]

    def heard(self, layer: int) -> KeysAndValues:
        """The encoder's output for cross-attention, one row a window."""
        return self._heard[layer]

    @property
    def askers(self) -> None:
        """Each row attends to its own window."""

    def advance(self, tokens: int) -> None:
        """Count the token that every layer has been extended by."""
        self.lengths += tokens

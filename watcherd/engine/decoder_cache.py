"""The keys and values that a Whisper decoder attends to."""

import torch
from torch.nn import functional

KeysAndValues = tuple[torch.Tensor, torch.Tensor]
"""Both [rows, heads, positions, head width]."""


class DecoderCache:
    """Room for every row's tokens, taken once, and what the encoder has heard, as each layer sees it."""

    def __init__(
        self,
        heard: list[KeysAndValues],
        *,
        capacity: int,
        dtype: torch.dtype,
    ) -> None:
        """Start without tokens.

        Args:
            heard: for each layer its keys and values of the encoder's output.
            capacity: the most tokens that a row will have, the prompt with them.
            dtype: of the tokens' keys and values.
        """
        self.length = 0
        self._ways = 1
        self._capacity = capacity
        self._heard = heard
        rows, heads, _, width = heard[0][0].shape
        self._said: list[KeysAndValues] = [
            (
                torch.empty(rows, heads, capacity, width, dtype=dtype, device=keys.device),
                torch.empty(rows, heads, capacity, width, dtype=dtype, device=keys.device),
            )
            for keys, _ in heard
        ]

    def heard(self, layer: int) -> KeysAndValues:
        """The encoder's output for cross-attention."""
        return self._heard[layer]

    def extend(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Add the newest tokens' keys and values at ``length``; returns those of all tokens so far."""
        until = self.length + keys.shape[2]
        all_keys, all_values = self._said[layer]
        all_keys[:, :, self.length : until] = keys
        all_values[:, :, self.length : until] = values
        return all_keys[:, :, :until], all_values[:, :, :until]

    def advance(self, tokens: int) -> None:
        """Count the tokens that every layer has been extended by."""
        self.length += tokens

    def fork(self, ways: int) -> None:
        """Let the text of every row go on in so many ways; they share what was heard.

        From now on a layer is extended by ``ways`` times as many rows, those of one row side by side.
        """
        self._ways = ways
        for layer, (keys, values) in enumerate(self._said):
            self._said[layer] = (keys.repeat_interleave(ways, 0), values.repeat_interleave(ways, 0))

    def follow(self, before: torch.Tensor) -> None:
        """Let each way of each row go on from the text of the way at this index, int64 [rows * ways]."""
        moved = (before != torch.arange(before.shape[0], device=before.device)).nonzero()[:, 0]
        origins = before[moved]
        for keys, values in self._said:
            for said in (keys[:, :, : self.length], values[:, :, : self.length]):
                said[moved] = said[origins]

    def keep(self, rows: torch.Tensor) -> None:
        """Drop all rows but those at these indices, with all their ways."""
        ways = torch.arange(self._ways, device=rows.device)
        said_rows = (rows[:, None] * self._ways + ways).flatten()
        # Layer by layer, so that the memory for the copies is one layer's.
        for layer, (keys, values) in enumerate(self._heard):
            self._heard[layer] = (keys[rows], values[rows])
        for layer, (keys, values) in enumerate(self._said):
            self._said[layer] = (self._kept(keys, said_rows), self._kept(values, said_rows))

    def _kept(self, tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.pad(tensor[:, :, : self.length][rows], (0, 0, 0, self._capacity - self.length))

"""The keys and values that a Whisper decoder attends to."""

import torch

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
            heard: for each layer its keys and values of the encoder's output; overwritten when rows are dropped.
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
        """Drop all rows but those at these indices, with all their ways; they get the order in which they are given.

        They are moved where the dropped ones were: in the order of ``compact`` few are.
        """
        ways = torch.arange(self._ways, device=rows.device)
        said_rows = (rows[:, None] * self._ways + ways).flatten()
        self._heard = [(_moved(keys, rows), _moved(values, rows)) for keys, values in self._heard]
        self._said = [(_moved(keys, said_rows), _moved(values, said_rows)) for keys, values in self._said]


def compact(rows: torch.Tensor) -> torch.Tensor:
    """Ascending indices of rows that are kept, in the order that moves the fewest: the last ones go where rows end."""
    count = rows.shape[0]
    staying = rows[rows < count]
    order = torch.arange(count, device=rows.device)
    free = torch.ones(count, dtype=torch.bool, device=rows.device)
    free[staying] = False
    order[free] = rows[staying.shape[0] :]
    return order


def _moved(tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The rows at these indices as the tensor's first, in its own memory."""
    places = (rows != torch.arange(rows.shape[0], device=rows.device)).nonzero()[:, 0]
    tensor[places] = tensor[rows[places]]
    return tensor[: rows.shape[0]]

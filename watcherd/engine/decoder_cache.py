"""The keys and values that a Whisper decoder attends to."""

from collections.abc import Iterable, Iterator

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
        _move(self._so_far(), before)

    def keep(self, rows: torch.Tensor) -> torch.Tensor:
        """Drop all rows but those at these ascending indices, with all their ways.

        Returns:
            The indices in the order that the rows have from now on: the last ones take the places of dropped ones.
        """
        order = compact(rows)
        said_order = every_way(order, self._ways)
        _move((tensor for pair in self._heard for tensor in pair), order)
        _move(self._so_far(), said_order)
        self._heard = [_first(pair, order.shape[0]) for pair in self._heard]
        self._said = [_first(pair, said_order.shape[0]) for pair in self._said]
        return order

    def _so_far(self) -> Iterator[torch.Tensor]:
        """The tokens' keys and values of every layer, without the room for more."""
        return (tensor[:, :, : self.length] for pair in self._said for tensor in pair)


def compact(rows: torch.Tensor) -> torch.Tensor:
    """Ascending indices of rows that are kept, in the order that moves the fewest: the last ones go where rows end."""
    count = rows.shape[0]
    staying = rows[rows < count]
    order = torch.arange(count, device=rows.device)
    free = torch.ones(count, dtype=torch.bool, device=rows.device)
    free[staying] = False
    order[free] = rows[staying.shape[0] :]
    return order


def every_way(rows: torch.Tensor, ways: int) -> torch.Tensor:
    """Indices of rows to those of all their ways, which stand side by side."""
    return (rows[:, None] * ways + torch.arange(ways, device=rows.device)).flatten()


def _move(tensors: Iterable[torch.Tensor], origins: torch.Tensor) -> None:
    """Let the first rows of each be those at these indices, in its own memory."""
    places = (origins != torch.arange(origins.shape[0], device=origins.device)).nonzero()[:, 0]
    moved = origins[places]
    for tensor in tensors:
        tensor[places] = tensor[moved]


def _first(pair: KeysAndValues, rows: int) -> KeysAndValues:
    keys, values = pair
    return keys[:rows], values[:rows]

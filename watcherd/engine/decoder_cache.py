"""The keys and values that a Whisper decoder attends to."""

from collections.abc import Sequence
from typing import Protocol

import torch

from watcherd.engine.askers import Askers

KeysAndValues = tuple[torch.Tensor, torch.Tensor]
"""Both [rows, heads, positions, head width]."""


class Cache(Protocol):
    """What a step of the decoder reads and writes."""

    def positions(self, table: torch.Tensor, count: int) -> torch.Tensor:
        """The embeddings of the next tokens' positions, [rows or 1, count, width], out of those of all."""

    def extend(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Add the newest tokens' keys and values; returns those to attend to."""

    def mask(self) -> torch.Tensor | None:
        """What is added to the scores of these, [rows, 1, 1, positions]; None where all of them count."""

    def heard(self, layer: int) -> KeysAndValues:
        """The encoder's output for cross-attention, one row a window."""

    @property
    def askers(self) -> Askers | None:
        """Which row attends to which window; None where each has its own."""

    def advance(self, tokens: int) -> None:
        """Count the tokens that every layer has been extended by."""


class DecoderCache:
    """Room for every row's tokens, taken once, and what the encoder has heard, as each layer sees it."""

    def __init__(
        self,
        heard: list[KeysAndValues],
        *,
        capacity: int,
        dtype: torch.dtype,
        ways: int = 1,
        said: list[KeysAndValues] | None = None,
    ) -> None:
        """Start without tokens.

        Args:
            heard: for each layer its keys and values of the encoder's output; overwritten when rows are dropped.
            capacity: the most tokens that a row will have, the prompt with them.
            dtype: of the tokens' keys and values.
            ways: how many texts may follow one window at once.
            said: memory for the tokens, where it is there already.
        """
        self.length = 0
        self._heard = heard
        self._ways = ways
        self.askers: Askers | None = None
        """Which row attends to which window; None while each has its own."""
        windows, heads, _, width = heard[0][0].shape
        self._rows = windows
        if said is None:
            memory = torch.empty(
                len(heard), 2, windows * ways, heads, capacity, width, dtype=dtype, device=heard[0][0].device
            )
            said = [(keys, values) for keys, values in memory]
            self._of_rows = [memory.movedim(2, 0)]  # a row of all layers is moved at once
        else:
            self._of_rows = [tensor for pair in said for tensor in pair]
        self._said = said

    def positions(self, table: torch.Tensor, count: int) -> torch.Tensor:
        """The embeddings [count, width] of the next tokens' positions, the same for all rows."""
        return table[self.length : self.length + count]

    def mask(self) -> None:
        """All tokens so far count."""

    def heard(self, layer: int) -> KeysAndValues:
        """The encoder's output for cross-attention, one row a window."""
        return self._heard[layer]

    def extend(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> KeysAndValues:
        """Add the newest tokens' keys and values at ``length``; returns those of all tokens so far."""
        until = self.length + keys.shape[2]
        all_keys, all_values = self._said[layer]
        all_keys[: self._rows, :, self.length : until] = keys
        all_values[: self._rows, :, self.length : until] = values
        return all_keys[: self._rows, :, :until], all_values[: self._rows, :, :until]

    def advance(self, tokens: int) -> None:
        """Count the tokens that every layer has been extended by."""
        self.length += tokens

    def follow(self, befores: Sequence[int], places: Sequence[int]) -> None:
        """Let each row go on from the text of the row at this index.

        From now on there are as many rows as these; they read one token at a time.

        Args:
            befores: for each row another one's index, or its own. A row that another goes on from is itself continued
                where it is, or not at all.
            places: for each row its window's index times ``ways``, and which of that window's texts it is.
        """
        device = self._heard[0][0].device
        self._rows = len(befores)
        _move(self._so_far(), befores)
        self.askers = Askers(places, self._heard[0][0].shape[0], self._ways, device)

    def keep(self, rows: torch.Tensor) -> torch.Tensor:
        """Drop all rows but those at these ascending indices, and the windows that they hear.

        Returns:
            The indices in the order that the rows have from now on: the last ones take the places of dropped ones.
        """
        order = self.keep_windows(rows)
        self._rows = order.shape[0]
        _move(self._so_far(), order.tolist())
        return order

    def keep_windows(self, windows: torch.Tensor) -> torch.Tensor:
        """The same for what was heard alone, where ``follow`` says next who hears what is left."""
        order = compact(windows)
        _move([tensor for pair in self._heard for tensor in pair], order.tolist())
        self._heard = [(keys[: order.shape[0]], values[: order.shape[0]]) for keys, values in self._heard]
        return order

    def _so_far(self) -> list[torch.Tensor]:
        """The tokens' keys and values, the row first, without the room for more."""
        return [tensor[..., : self.length, :] for tensor in self._of_rows]


def compact(rows: torch.Tensor) -> torch.Tensor:
    """Ascending indices of rows that are kept, in the order that moves the fewest: the last ones go where rows end."""
    count = rows.shape[0]
    staying = rows[rows < count]
    order = torch.arange(count, device=rows.device)
    free = torch.ones(count, dtype=torch.bool, device=rows.device)
    free[staying] = False
    order[free] = rows[staying.shape[0] :]
    return order


def _move(tensors: Sequence[torch.Tensor], origins: Sequence[int]) -> None:
    """Let the first rows of each be those at these indices, in its own memory.

    Row by row: to index many of them takes five times as long on a CPU, by way of a copy of them all.
    """
    moved = [(row, origin) for row, origin in enumerate(origins) if row != origin]
    assert {row for row, _ in moved}.isdisjoint(origin for _, origin in moved)  # noqa: S101  see ``follow``, ``compact``
    for tensor in tensors:
        for row, origin in moved:
            tensor[row].copy_(tensor[origin])

"""Which rows of a batch attend to the same window."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

Indices = npt.NDArray[np.int32]


class Askers:
    """For each row of a batch, whose keys and values it attends to."""

    def __init__(self, places: Sequence[int], owners: int, ways: int, device: torch.device) -> None:
        """Say it.

        Args:
            places: for each row its owner's index times ``ways``, and which of that owner's rows it is.
            owners: how many there are.
            ways: how many rows may ask one of them.
            device: where the queries are.
        """
        self._owners, self._ways = owners, ways
        self._places = torch.tensor(places, dtype=torch.int64, device=device)

    @classmethod
    @lru_cache
    def own(cls, owners: int, tokens: int) -> Self:
        """Every owner is asked by so many queries in a row."""
        return cls(range(owners * tokens), owners, tokens, torch.device("cpu"))

    @cached_property
    def in_order(self) -> tuple[Indices, Indices]:
        """For each owner, and one more, where its rows begin in the second; there the rows stand in this order."""
        places = self._places.cpu().numpy()
        order = places.argsort(kind="stable")
        first = np.searchsorted(places[order], np.arange(self._owners + 1) * self._ways)
        return first.astype(np.int32), order.astype(np.int32)

    def together(self, queries: torch.Tensor) -> torch.Tensor:
        """Each row's queries [rows, heads, 1, head width] as its owner's, [owners, heads, ways, head width].

        Where an owner has fewer rows are zeros, so that what comes out for a row does not depend on how many others
        there are: kernels for few and for many queries may sum in different orders.
        """
        _, heads, _, width = queries.shape
        padded = queries.new_zeros(self._owners * self._ways, heads, width)
        padded[self._places] = queries[:, :, 0]
        return padded.view(self._owners, self._ways, heads, width).transpose(1, 2)

    def apart(self, attended: torch.Tensor) -> torch.Tensor:
        """The way back from ``together``: [owners, ways, width] to [rows, 1, width]."""
        return attended.flatten(0, 1)[self._places, None]

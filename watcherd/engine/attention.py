"""Attention of the decoder's newest tokens, on whatever it runs on."""

from collections.abc import Callable
from typing import Final

import torch

from watcherd.engine.askers import Askers
from watcherd.engine.compiled import library
from watcherd.engine.layers import attend

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Askers | None], torch.Tensor]
"""Queries [rows, heads, tokens, head width], and keys and values [owners, heads, positions, head width] that may be in
another number format, to what the queries get of the values, [rows, tokens, width]. Every row owns what it asks, unless
it is said who asks whom; then all have one token."""

HEAD_WIDTH: Final = 64
"""That the compiled attention is made for, that of every Whisper."""

_FORMATS: Final = {torch.float32: 0, torch.bfloat16: 1}


def attention(device: torch.device, dtype: torch.dtype, head_width: int) -> Attend:
    """The fastest there is for what is computed in this number format there.

    On a CPU that is our own (``attention.c``), which takes as long as it takes to read the keys and values; PyTorch's
    products for one query or a few take twice as long, and round scores and weights where those are in bfloat16.
    """
    if device.type != "cpu":
        return _shared(attend)
    if dtype is torch.float32 and head_width == HEAD_WIDTH and library() is not None:
        return attend_compiled
    return _shared(attend_by_products)


def attend_by_products(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """For one token or few on a CPU, or with a mask, which is added to the scores.

    A CPU's fused kernel divides the keys among threads by how many rows there are, so that a row's result depends on
    its company, and has no fast path for bfloat16 on every make of processor; a GPU's is slow with a mask.
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    if mask is not None:
        scores += mask
    attended: torch.Tensor = scores.softmax(-1) @ values  # which computes in float32, whatever goes in and comes out
    return attended.transpose(1, 2).flatten(2)


def attend_compiled(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, askers: Askers | None = None
) -> torch.Tensor:
    """See ``Attend``: float32 queries, keys and values in float32 or bfloat16, on the CPU, with heads of 64."""
    functions = library()
    assert functions is not None  # noqa: S101  see ``attention``
    rows, heads, tokens, width = queries.shape
    owners, _, positions, _ = keys.shape
    query_step = queries.stride(2) if tokens > 1 else queries.stride(0)
    assert queries.stride(0) == tokens * query_step or rows == 1  # noqa: S101  as ``split_heads`` leaves them
    assert queries.stride(1) == width and queries.stride(3) == 1  # noqa: S101, PT018  likewise
    assert keys.stride() == values.stride() and keys.stride(3) == 1  # noqa: S101, PT018  as caches have them
    first, order = (askers or Askers.own(rows, tokens)).in_order
    attended = torch.empty(rows, tokens, heads * width)
    functions.attend(
        _FORMATS[keys.dtype],
        queries.data_ptr(),
        attended.data_ptr(),
        keys.data_ptr(),
        values.data_ptr(),
        owners,
        heads,
        positions,
        query_step,
        keys.stride(0),
        keys.stride(1),
        keys.stride(2),
        first.ctypes.data,
        order.ctypes.data,
        width**-0.5,
    )
    return attended


def _shared(function: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]) -> Attend:
    """Rows that ask the same owner ask as if they were one row's tokens: what they ask is read once for all."""

    def attend_all(
        queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, askers: Askers | None = None
    ) -> torch.Tensor:
        asking = queries if askers is None else askers.together(queries)
        attended = function(asking.to(keys.dtype), keys, values).to(queries.dtype)
        return attended if askers is None else askers.apart(attended)

    return attend_all

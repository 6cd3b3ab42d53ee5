"""The layers that Whisper's encoder and decoder are made of, taken over from transformers' modules."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from watcherd.engine.int8 import Int8Linear

Layer = Callable[[torch.Tensor], torch.Tensor]

Linear = Callable[[torch.Tensor, torch.Tensor | None], Layer]
"""Makes a layer of a weight [outputs, inputs] and a bias [outputs]."""


def linear(*, int8: bool) -> Linear:
    """How the linear layers of a model compute: in 8-bit integers, or in the number format of their weights."""
    return Int8Linear if int8 else _float_linear


def fused(make: Linear, *parts: Any) -> Layer:  # noqa: ANN401  torch says that a linear layer always has a bias
    """Linear layers of the same input as one; Whisper's keys have no bias, which is a bias of zeros."""
    weight = torch.cat([part.weight.detach() for part in parts]) if len(parts) > 1 else parts[0].weight.detach()
    biases = [weight.new_zeros(part.out_features) if part.bias is None else part.bias.detach() for part in parts]
    return make(weight, torch.cat(biases))


def norm(layer: nn.LayerNorm) -> Layer:
    """A layer norm."""
    return partial(
        functional.layer_norm,
        normalized_shape=layer.normalized_shape,
        weight=layer.weight.detach(),
        bias=layer.bias.detach(),
        eps=layer.eps,
    )


def split_heads(projected: torch.Tensor, parts: int, heads: int) -> tuple[torch.Tensor, ...]:
    """[rows, tokens, parts * width] to ``parts`` tensors [rows, heads, tokens, head width]."""
    rows, tokens, _ = projected.shape
    return projected.view(rows, tokens, parts, heads, -1).permute(2, 0, 3, 1, 4).unbind()


def attend(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, *, is_causal: bool = False) -> torch.Tensor:
    """Attention's result with its heads side by side again, [rows, tokens, width]."""
    attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=is_causal)
    return attended.transpose(1, 2).flatten(2)


def _float_linear(weight: torch.Tensor, bias: torch.Tensor | None) -> Layer:
    return partial(functional.linear, weight=weight, bias=bias)

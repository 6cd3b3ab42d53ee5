"""Whisper's encoder network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Final

import torch
from torch.nn import functional

from watcherd.engine.layers import Layer, attend, fused, linear, norm, split_heads
from watcherd.engine.processor import processor_has

ROWS: Final = 500
"""Frames that go through a layer together on a CPU, a third of a window: what lies between two matrix products then
fits into its caches. With 128 the base model took a tenth more time, larger ones the same."""

QUERIES: Final = 500
"""That ask together where attention is computed in bfloat16; their scores, 1.5 MB a head, stay in the caches."""

LARGEST_FLOAT16: Final = 64_504.0
"""Half precision overflows just above; transformers cuts a layer's output off there."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One encoder layer: attention to all frames, feed-forward."""

    norm_heard: Layer
    qkv: Layer
    out: Layer
    norm_feed: Layer
    feed_in: Layer
    activate: Layer
    feed_out: Layer


class AudioEncoder:
    """The weights of a Whisper encoder.

    The same arithmetic as transformers' WhisperEncoder in evaluation mode, with the three projections for attention
    fused into one matrix. It takes its own copies of those; the model's encoder layers may be dropped afterwards.
    """

    def __init__(self, model: Any, *, int8: bool) -> None:  # noqa: ANN401  transformers is untyped
        """Take over the encoder of a WhisperForConditionalGeneration.

        Args:
            model: on its device, in its number format (float32 where ``int8``).
            int8: quantise the linear layers, and attend in bfloat16 where the processor has instructions for it.
        """
        encoder = model.get_encoder()
        self._heads: int = model.config.encoder_attention_heads
        self._convolutions = [
            partial(
                functional.conv1d,
                weight=layer.weight.detach(),
                bias=layer.bias.detach(),
                stride=layer.stride,
                padding=layer.padding,
            )
            for layer in (encoder.conv1, encoder.conv2)
        ]
        self._positions: torch.Tensor = encoder.embed_positions.weight.detach()
        make = linear(int8=int8)
        self._blocks = [
            _Block(
                norm_heard=norm(layer.self_attn_layer_norm),
                qkv=fused(make, layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                out=fused(make, layer.self_attn.out_proj),
                norm_feed=norm(layer.final_layer_norm),
                feed_in=fused(make, layer.fc1),
                activate=layer.activation_fn,
                feed_out=fused(make, layer.fc2),
            )
            for layer in encoder.layers
        ]
        self._norm = norm(encoder.layer_norm)
        self._rows = ROWS if int8 else None
        self._attend = _attend_in_bfloat16 if int8 and processor_has("avx512_bf16") else attend

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Log-mel features [windows, mels, frames] to hidden states [windows, frames / 2, width]."""
        for convolution in self._convolutions:
            features = functional.gelu(convolution(features))
        # Frame by frame in memory, or every layer that follows steps over it.
        hidden = features.transpose(1, 2).contiguous() + self._positions
        for block in self._blocks:
            projected = self._by_rows(partial(self._project, block), hidden)
            attended = self._attend(*split_heads(projected, 3, self._heads))
            hidden = self._by_rows(partial(self._feed, block), hidden, attended)
        return self._norm(hidden)

    def _project(self, block: _Block, hidden: torch.Tensor) -> torch.Tensor:
        return block.qkv(block.norm_heard(hidden))

    def _feed(self, block: _Block, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = hidden + block.out(attended)
        hidden = hidden + block.feed_out(block.activate(block.feed_in(block.norm_feed(hidden))))
        return hidden.clamp(-LARGEST_FLOAT16, LARGEST_FLOAT16) if hidden.dtype is torch.float16 else hidden

    def _by_rows(self, function: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> torch.Tensor:
        """A function of each frame by itself, for tensors [windows, frames, ...]."""
        if self._rows is None:
            return function(*inputs)
        parts = zip(*(torch.split(tensor.flatten(0, 1), self._rows) for tensor in inputs), strict=True)
        return torch.cat([function(*part) for part in parts]).view(*inputs[0].shape[:2], -1)


def _attend_in_bfloat16(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """As ``attend``, of and to float32.

    PyTorch's fused kernel gains nothing from bfloat16 without tiles (AMX). These products, a head at a time, take 0.7
    of its time in float32 where the processor multiplies bfloat16 (AVX512-BF16).
    """
    windows, heads, frames, width = queries.shape
    attended = torch.empty(windows, frames, heads, width, dtype=queries.dtype)
    queries = (queries * width**-0.5).bfloat16().contiguous()
    keys, values = keys.bfloat16().contiguous(), values.bfloat16().contiguous()
    for window, head in product(range(windows), range(heads)):
        places = torch.split(attended[window, :, head], QUERIES)
        for asking, place in zip(torch.split(queries[window, head], QUERIES), places, strict=True):
            weights = (asking @ keys[window, head].T).softmax(-1)
            place.copy_(weights @ values[window, head])
    return attended.flatten(2)

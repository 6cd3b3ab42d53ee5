"""Whisper's decoder network, laid out for one token at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch.nn import functional

from watcherd.engine.attention import attend_by_products, attention
from watcherd.engine.decoder_cache import Cache, KeysAndValues
from watcherd.engine.layers import Layer, Linear, attend, fused, linear, norm, split_heads

Look = Callable[[int, torch.Tensor, torch.Tensor], None]
"""Is shown a layer's index, and the queries and keys of its attention to the audio, [rows, heads, positions, width]."""

STEADY_ROWS: Final = 8
"""Rows of every product of a step in floating point on a CPU. Its kernels sum in an order that depends on how many
rows there are, so the last bits of a row, and with them now and then a word, would depend on its company in the batch.
Sums of integers are exact in every order."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One decoder layer: attention to the text so far, attention to the audio, feed-forward."""

    norm_said: Layer
    said_qkv: Layer
    said_out: Layer
    norm_heard: Layer
    heard_q: Layer
    heard_kv: Layer
    heard_out: Layer
    norm_feed: Layer
    feed_in: Layer
    activate: Layer
    feed_out: Layer


class TextDecoder:
    """The weights of a Whisper decoder, and one step of it.

    The same arithmetic as transformers' WhisperDecoder in evaluation mode, with the three (two) projections that read
    the same input fused into one matrix. It takes its own copies of what it fuses; the model's decoder layers may be
    dropped afterwards.
    """

    def __init__(self, model: Any, *, int8: bool, heard_dtype: torch.dtype) -> None:  # noqa: ANN401  transformers is untyped
        """Take over the decoder of a WhisperForConditionalGeneration.

        Args:
            model: on its device, in its number format (float32 where ``int8``).
            int8: quantise the linear layers.
            heard_dtype: the number format of the cross-attention's keys and values. Reading them takes most of a CPU's
                step, so half precision pays there although the CPU computes in float32.
        """
        decoder = model.model.decoder
        make = linear(int8=int8)
        self.heads: int = model.config.decoder_attention_heads
        self.layers: int = model.config.decoder_layers
        self.frames: int = model.config.max_source_positions
        self._heard_dtype = heard_dtype
        self._embedding: torch.Tensor = decoder.embed_tokens.weight.detach()
        self._positions: torch.Tensor = decoder.embed_positions.weight.detach()
        self.context: int = self._positions.shape[0]
        self.vocabulary: int = model.proj_out.weight.shape[0]
        cpu_floats = self.device.type == "cpu" and not int8
        steady = _steady if cpu_floats else _as_it_is
        width = self._embedding.shape[1]
        self._attend = attention(self.device, self.dtype, width // self.heads)
        self._blocks = [_block(layer, make, steady) for layer in decoder.layers]
        self._norm = norm(decoder.layer_norm)
        scores: torch.Tensor = model.proj_out.weight.detach()
        self._logits = steady(_tall(scores) if cpu_floats else make(scores, None))

    @property
    def dtype(self) -> torch.dtype:
        """What is computed in."""
        return self._embedding.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._embedding.device

    def hear(self, encoded: torch.Tensor) -> list[KeysAndValues]:
        """The encoder's output [rows, frames, width] as keys and values for each layer's cross-attention."""
        heard: list[KeysAndValues] = []
        for block in self._blocks:
            keys, values = split_heads(block.heard_kv(encoded), 2, self.heads)
            heard.append((keys.to(self._heard_dtype).contiguous(), values.to(self._heard_dtype).contiguous()))
        return heard

    def room(self, rows: int) -> list[KeysAndValues]:
        """Memory for what ``hear`` returns, for so many rows."""
        room = (rows, self.heads, self.frames, self._embedding.shape[1] // self.heads)
        empty = partial(torch.zeros, room, dtype=self._heard_dtype, device=self.device)
        return [(empty(), empty()) for _ in self._blocks]

    def step(self, tokens: torch.Tensor, cache: Cache, look: Look | None = None) -> torch.Tensor:
        """Read tokens, int64 [rows, tokens], after those in the cache, and add them to it.

        Where several rows have heard the same window, they read one token each.

        Returns:
            The last layer's normalised output [rows, tokens, width], for ``logits``.
        """
        count = tokens.shape[1]
        hidden = self._embedding[tokens] + cache.positions(self._positions, count)
        mask = cache.mask()
        for index, block in enumerate(self._blocks):
            queries, keys, values = split_heads(block.said_qkv(block.norm_said(hidden)), 3, self.heads)
            keys, values = cache.extend(index, keys, values)
            # Only the prompt is read several tokens at once, and it stands at the beginning.
            causal = count > 1
            if causal:
                attended = attend(queries, keys, values, is_causal=True)
            elif mask is None:
                attended = self._attend(queries, keys, values, None)
            else:
                attended = attend_by_products(queries, keys, values, mask)
            hidden = hidden + block.said_out(attended)
            keys, values = cache.heard(index)
            (queries,) = split_heads(block.heard_q(block.norm_heard(hidden)), 1, self.heads)
            if look is not None:
                look(index, queries.to(keys.dtype), keys)
            hidden = hidden + block.heard_out(self._attend(queries, keys, values, cache.askers))
            hidden = hidden + block.feed_out(block.activate(block.feed_in(block.norm_feed(hidden))))
        cache.advance(count)
        return self._norm(hidden)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normalised output [rows, width] to float32 scores [rows, vocabulary]."""
        return self._logits(hidden).float()


def _block(
    layer: Any,  # noqa: ANN401  transformers is untyped
    make: Linear,
    steady: Callable[[Layer], Layer],
) -> _Block:
    said, heard = layer.self_attn, layer.encoder_attn
    return _Block(
        norm_said=norm(layer.self_attn_layer_norm),
        said_qkv=steady(fused(make, said.q_proj, said.k_proj, said.v_proj)),
        said_out=steady(fused(make, said.out_proj)),
        norm_heard=norm(layer.encoder_attn_layer_norm),
        heard_q=steady(fused(make, heard.q_proj)),
        heard_kv=fused(make, heard.k_proj, heard.v_proj),
        heard_out=steady(fused(make, heard.out_proj)),
        norm_feed=norm(layer.final_layer_norm),
        feed_in=steady(fused(make, layer.fc1)),
        activate=layer.activation_fn,
        feed_out=steady(fused(make, layer.fc2)),
    )


def _steady(layer: Layer) -> Layer:
    """The layer, given ``STEADY_ROWS`` rows at a time, whatever it is asked for."""

    def in_blocks(inputs: torch.Tensor) -> torch.Tensor:
        rows = inputs.reshape(-1, inputs.shape[-1])
        count = rows.shape[0]
        if count != STEADY_ROWS:
            rows = functional.pad(rows, (0, 0, 0, -count % STEADY_ROWS))
            outputs = torch.cat([layer(block) for block in torch.split(rows, STEADY_ROWS)])[:count]
        else:
            outputs = layer(rows)
        return outputs.view(*inputs.shape[:-1], -1)

    return in_blocks


def _as_it_is(layer: Layer) -> Layer:
    return layer


def _tall(weight: torch.Tensor) -> Layer:
    """A linear layer of very many outputs for few rows: a CPU's kernel is 2.5 times faster this way round."""
    return lambda rows: (weight @ rows.T).T.contiguous()

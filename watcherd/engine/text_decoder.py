"""Whisper's decoder network, laid out for one token at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.int8 import Int8Linear

Layer = Callable[[torch.Tensor], torch.Tensor]

Look = Callable[[int, torch.Tensor, torch.Tensor], None]
"""Is shown a layer's index, and the queries and keys of its attention to the audio, [rows, heads, positions, width]."""

STEADY_ROWS: Final = 8
"""Rows of every product of a step on a CPU. Its kernels sum in an order that depends on how many rows there are, so
the last bits of a row, and with them now and then a word, would depend on its company in the batch."""


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
            int8: quantise the linear layers, except the second of the feed-forward.
            heard_dtype: the number format of the cross-attention's keys and values. Reading them takes most of a CPU's
                step, so half precision pays there although the CPU computes in float32.
        """
        decoder = model.model.decoder
        linear: Callable[[torch.Tensor, torch.Tensor | None], Layer] = Int8Linear if int8 else _linear
        self.heads: int = model.config.decoder_attention_heads
        self.layers: int = model.config.decoder_layers
        self._heard_dtype = heard_dtype
        self._embedding: torch.Tensor = decoder.embed_tokens.weight.detach()
        self._positions: torch.Tensor = decoder.embed_positions.weight.detach()
        self.context: int = self._positions.shape[0]
        self.vocabulary: int = model.proj_out.weight.shape[0]
        steady = _steady if self.device.type == "cpu" else _as_it_is
        self._blocks = [_block(layer, linear, steady) for layer in decoder.layers]
        self._norm = _norm(decoder.layer_norm)
        scores: torch.Tensor = model.proj_out.weight.detach()
        tall = self.device.type == "cpu" and not int8
        self._logits = steady(_tall(scores) if tall else linear(scores, None))

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
            keys, values = self._split(block.heard_kv(encoded), 2)
            heard.append((keys.to(self._heard_dtype).contiguous(), values.to(self._heard_dtype).contiguous()))
        return heard

    def step(self, tokens: torch.Tensor, cache: DecoderCache, look: Look | None = None) -> torch.Tensor:
        """Read tokens, int64 [rows, tokens], after those in the cache, and add them to it.

        Where the cache is forked, several rows have heard the same; they read one token each.

        Returns:
            The last layer's normalised output [rows, tokens, width], for ``logits``.
        """
        count = tokens.shape[1]
        attend = _attend_by_products if self.device.type == "cpu" else _attend
        hidden = self._embedding[tokens] + self._positions[cache.length : cache.length + count]
        for index, block in enumerate(self._blocks):
            queries, keys, values = self._split(block.said_qkv(block.norm_said(hidden)), 3)
            keys, values = cache.extend(index, keys, values)
            # Only the prompt is read several tokens at once, and it stands at the beginning.
            attended = _attend(queries, keys, values, is_causal=True) if count > 1 else attend(queries, keys, values)
            hidden = hidden + block.said_out(attended)
            keys, values = cache.heard(index)
            # Rows that heard the same ask as if they were one row's tokens: what was heard is read once for all.
            asking = block.heard_q(block.norm_heard(hidden)).view(keys.shape[0], -1, hidden.shape[2])
            (queries,) = self._split(asking, 1)
            queries = queries.to(self._heard_dtype)
            if look is not None:
                look(index, queries, keys)
            attended = attend(queries, keys, values)
            hidden = hidden + block.heard_out(attended.to(hidden.dtype).view(hidden.shape))
            hidden = hidden + block.feed_out(block.activate(block.feed_in(block.norm_feed(hidden))))
        cache.advance(count)
        return self._norm(hidden)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Normalised output [rows, width] to float32 scores [rows, vocabulary]."""
        return self._logits(hidden).float()

    def _split(self, fused: torch.Tensor, parts: int) -> tuple[torch.Tensor, ...]:
        """[rows, tokens, parts * width] to ``parts`` tensors [rows, heads, tokens, head width]."""
        rows, tokens, _ = fused.shape
        return fused.view(rows, tokens, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind()


def _attend(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, *, is_causal: bool = False
) -> torch.Tensor:
    """Attention's result with its heads side by side again, [rows, tokens, width]."""
    attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=is_causal)
    return attended.transpose(1, 2).flatten(2)


def _attend_by_products(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The same for a single token on a CPU.

    Its fused kernel divides the keys among threads by how many rows there are, so that a row's result depends on its
    company, and has no fast path for bfloat16 on every make of processor.
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    weights = scores.softmax(-1, dtype=torch.float32).to(values.dtype)
    attended: torch.Tensor = weights @ values
    return attended.transpose(1, 2).flatten(2)


def _block(
    layer: Any,  # noqa: ANN401  transformers is untyped
    linear: Callable[[torch.Tensor, torch.Tensor | None], Layer],
    steady: Callable[[Layer], Layer],
) -> _Block:
    said, heard = layer.self_attn, layer.encoder_attn
    return _Block(
        norm_said=_norm(layer.self_attn_layer_norm),
        said_qkv=steady(_fused(linear, said.q_proj, said.k_proj, said.v_proj)),
        said_out=steady(linear(said.out_proj.weight.detach(), said.out_proj.bias.detach())),
        norm_heard=_norm(layer.encoder_attn_layer_norm),
        heard_q=steady(linear(heard.q_proj.weight.detach(), heard.q_proj.bias.detach())),
        heard_kv=_fused(linear, heard.k_proj, heard.v_proj),
        heard_out=steady(linear(heard.out_proj.weight.detach(), heard.out_proj.bias.detach())),
        norm_feed=_norm(layer.final_layer_norm),
        feed_in=steady(linear(layer.fc1.weight.detach(), layer.fc1.bias.detach())),
        activate=layer.activation_fn,
        feed_out=steady(_linear(layer.fc2.weight.detach(), layer.fc2.bias.detach())),
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


def _fused(linear: Callable[[torch.Tensor, torch.Tensor | None], Layer], *parts: Any) -> Layer:  # noqa: ANN401  torch says that a linear layer always has a bias
    """Projections of the same input as one; Whisper's keys have no bias, which is a bias of zeros."""
    weight = torch.cat([part.weight.detach() for part in parts])
    biases = [weight.new_zeros(part.out_features) if part.bias is None else part.bias.detach() for part in parts]
    return linear(weight, torch.cat(biases))


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> Layer:
    return partial(functional.linear, weight=weight, bias=bias)


def _tall(weight: torch.Tensor) -> Layer:
    """A linear layer of very many outputs for few rows: a CPU's kernel is 2.5 times faster this way round."""
    return lambda rows: (weight @ rows.T).T.contiguous()


def _norm(norm: nn.LayerNorm) -> Layer:
    return partial(
        functional.layer_norm,
        normalized_shape=norm.normalized_shape,
        weight=norm.weight.detach(),
        bias=norm.bias.detach(),
        eps=norm.eps,
    )

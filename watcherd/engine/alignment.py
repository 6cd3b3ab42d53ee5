"""When each token of a decoded text is spoken, from the attention of Whisper's alignment heads."""

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import torch
from torch.nn import functional

from watcherd.engine.decoder_cache import DecoderCache, KeysAndValues
from watcherd.engine.text_decoder import TextDecoder
from watcherd.engine.warping import onsets

MEDIAN_FILTER: Final = 7
"""Frames over which each head's attention is smoothed, as in OpenAI's implementation."""

FLATTEST: Final = 1e-9
"""The least deviation of a frame's attention over the tokens that is divided by."""

_log = logging.getLogger(__name__)


class Alignment:
    """Reads each window's text once more, all tokens at once, and looks where the alignment heads attend to.

    The method of OpenAI's implementation: the attention with which a token is about to be written, without timestamps
    in the text, normalised over the tokens, smoothed, averaged over the heads, and followed by dynamic time warping.
    """

    def __init__(self, decoder: TextDecoder, generation: Any, no_timestamps: int) -> None:  # noqa: ANN401  untyped
        """Prepare for a model.

        Args:
            decoder: its decoder.
            generation: transformers' GenerationConfig; its ``alignment_heads`` are pairs of layer and head. Without any
                that fit, all heads of the decoder's second half are taken.
            no_timestamps: the token that says that no timestamps follow.
        """
        self._decoder = decoder
        self._no_timestamps = no_timestamps
        given = getattr(generation, "alignment_heads", None) or ()
        heads = [(layer, head) for layer, head in given if layer < decoder.layers and head < decoder.heads]
        if not heads:
            _log.info("the model names no heads for the times of words; they may be less exact")
            heads = [
                (layer, head) for layer in range(decoder.layers // 2, decoder.layers) for head in range(decoder.heads)
            ]
        self._heads = {layer: [head for of, head in heads if of == layer] for layer, _ in heads}

    def __call__(
        self,
        heard: list[KeysAndValues],
        prompts: Sequence[Sequence[int]],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
    ) -> list[list[tuple[int, int]]]:
        """Find the first frame and the one after the last of each token.

        Args:
            heard: what the decoder's layers attend to, one row a window.
            prompts: for each window the tokens that it was decoded with.
            texts: for each window its tokens without timestamps.
            frames: for each window, how many of the encoder's frames (50 a second) are not padding.
        """
        # The token before the text writes its first; a row's padding comes after all that is looked at.
        read = [[*prompt, self._no_timestamps, *text] for prompt, text in zip(prompts, texts, strict=True)]
        longest = min(max(map(len, read)), self._decoder.context)
        padded = [[*row, *[self._no_timestamps] * longest][:longest] for row in read]
        tokens = torch.tensor(padded, device=self._decoder.device)
        seen: list[torch.Tensor] = []

        def look(layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
            if heads := self._heads.get(layer):
                seen.append(_attention(queries[:, heads], keys[:, heads]))

        cache = DecoderCache(list(heard), capacity=longest, dtype=self._decoder.dtype)
        self._decoder.step(tokens, cache, look)
        attention = torch.cat(seen, 1)
        return [
            _spans(attention[row, :, len(prompt) : len(prompt) + len(text) + 1, :count], len(text), count)
            for row, (prompt, text, count) in enumerate(zip(prompts, texts, frames, strict=True))
        ]


def _attention(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Float32 [rows, heads, tokens, frames], over all frames 1."""
    scores: torch.Tensor = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(2, 3)
    return scores.float().softmax(-1)


def _spans(attention: torch.Tensor, tokens: int, frames: int) -> list[tuple[int, int]]:
    """The frames of each token of one window, from the attention [heads, tokens and the end of the text, frames]."""
    if tokens == 0 or frames == 0:
        return [(0, 0)] * tokens
    deviation, mean = torch.std_mean(attention, dim=1, keepdim=True, unbiased=False)
    smooth = _smoothed((attention - mean) / deviation.clamp_min(FLATTEST))
    firsts = onsets(smooth.mean(0).cpu().numpy())
    edges = [*firsts, *[frames] * (tokens + 1 - len(firsts))]
    return list(pairwise(edges))


def _smoothed(attention: torch.Tensor) -> torch.Tensor:
    """Each frame's median with its neighbours, mirrored at the edges; too few frames are left as they are."""
    side = MEDIAN_FILTER // 2
    if attention.shape[-1] <= side:
        return attention
    padded = functional.pad(attention, (side, side), mode="reflect")
    smooth: torch.Tensor = padded.unfold(-1, MEDIAN_FILTER, 1).sort().values[..., side]
    return smooth

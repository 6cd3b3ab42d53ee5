"""CTC checkpoints as recognizers: Parakeet-CTC, wav2vec2 and HuBERT."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil

import torch
from transformers import AutoModelForCTC

from watcherd.engine.frames import Found, FrameRecognizer, FrameToken


class CtcRecognizer(FrameRecognizer):
    """Greedy connectionist temporal classification (Graves et al. 2006): the best token of each frame, runs as one."""

    AUTO_CLASS = AutoModelForCTC

    def find(self, batches: Sequence[dict[str, torch.Tensor]]) -> list[Found]:
        """See ``FrameRecognizer.find``."""
        return [found for features in batches for found in self._find(features)]

    def _find(self, features: dict[str, torch.Tensor]) -> list[Found]:
        best, chosen = self._model(**features).logits.float().log_softmax(-1).max(-1)
        frames = self._frames(features, chosen)
        return [
            Found(self._collapsed(idents[:count], logprobs[:count]), count)
            for idents, logprobs, count in zip(chosen.tolist(), best.tolist(), frames, strict=True)
        ]

    def _frames(self, features: dict[str, torch.Tensor], chosen: torch.Tensor) -> list[int]:
        """How many frames of each row are not padding; a frame more, which is a blank, does no harm."""
        rows, length = chosen.shape
        if rows == 1:
            return [length]
        heard = features["attention_mask"].sum(-1)
        return [ceil(length * share) for share in (heard / heard.max()).tolist()]

    def _collapsed(self, idents: Sequence[int], logprobs: Sequence[float]) -> list[FrameToken]:
        """Each run of a token as one, without the blanks between."""
        tokens: list[FrameToken] = []
        start = 0
        for ident, run in groupby(idents):
            end = start + len(list(run))
            if ident != self._model.config.pad_token_id:  # CTC's blank
                tokens.append(FrameToken(ident, start, end, max(logprobs[start:end])))
            start = end
        return tokens

"""Transducer checkpoints as recognizers: Parakeet-TDT and Parakeet-RNNT."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForRNNT, AutoModelForTDT
from transformers.models.parakeet.generation_parakeet import ParakeetRNNTDecoderCache

from watcherd.engine.frames import Found, FrameRecognizer, FrameToken


class RnntRecognizer(FrameRecognizer):
    """Greedy decoding of a transducer (Graves 2012): a token or, as a blank, the step to the next frame."""

    AUTO_CLASS: Any = AutoModelForRNNT

    def find(self, batches: Sequence[dict[str, torch.Tensor]]) -> list[Found]:
        """See ``FrameRecognizer.find``. What the batches were heard as is decoded together."""
        heard: list[torch.Tensor] = []
        for features in batches:
            encoded = self._model.get_audio_features(**features, output_attention_mask=True)
            counts = encoded.attention_mask.sum(-1).tolist()
            heard += [row[:count] for row, count in zip(encoded.pooler_output, counts, strict=True)]
        return self._decode(heard)

    def _decode(self, heard: Sequence[torch.Tensor]) -> list[Found]:
        """Find the tokens in what was heard, [frames, width] for each window."""
        config, device = self._model.config, self.placement.device
        counts = [len(row) for row in heard]
        padded = pad_sequence(list(heard), batch_first=True)
        rows = torch.arange(len(heard), device=device)
        at = torch.zeros_like(rows)
        said_here = torch.zeros_like(rows)
        latest = torch.full_like(rows, config.blank_token_id)
        cache: Any = ParakeetRNNTDecoderCache(config)  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokens: list[list[FrameToken]] = [[] for _ in heard]
        starts = [0] * len(heard)
        while any(start < count for start, count in zip(starts, counts, strict=True)):
            said = self._model.decoder(latest[:, None], cache=cache)
            now = padded[rows, at.clamp(max=padded.shape[1] - 1), None]
            scores = self._model.joint(decoder_hidden_states=said, encoder_hidden_states=now)[:, 0].float()
            best, latest = scores[:, : config.vocab_size].log_softmax(-1).max(-1)
            blank = latest == config.blank_token_id
            steps = self._steps(scores, blank)
            for row, (ident, step, logprob) in enumerate(
                zip(latest.tolist(), steps.tolist(), best.tolist(), strict=True)
            ):
                if starts[row] < counts[row] and ident != config.blank_token_id:
                    end = min(starts[row] + self._length(step), counts[row])
                    tokens[row].append(FrameToken(ident, starts[row], end, logprob))
            # A frame that the network does not get away from is left for it, as NVIDIA's own decoder does.
            said_here = torch.where(steps > 0, 0, said_here + 1)
            stuck = said_here >= config.max_symbols_per_step
            said_here = torch.where(stuck, 0, said_here)
            at = at + torch.where(stuck, 1, steps)
            starts = at.tolist()
        return [Found(found, count) for found, count in zip(tokens, counts, strict=True)]

    def _steps(self, scores: torch.Tensor, blank: torch.Tensor) -> torch.Tensor:  # noqa: ARG002  TDT's has them
        """How many frames each row goes on."""
        return blank.long()

    def _length(self, steps: int) -> int:  # noqa: ARG002  TDT's goes by them
        """How many frames a token is heard in."""
        return 1


class TdtRecognizer(RnntRecognizer):
    """A transducer that also says how long each token is heard (Xu et al. 2023), and skips the frames within."""

    AUTO_CLASS: Any = AutoModelForTDT

    def _steps(self, scores: torch.Tensor, blank: torch.Tensor) -> torch.Tensor:
        config = self._model.config
        durations = torch.tensor(config.durations, device=scores.device)
        steps = durations[scores[:, config.vocab_size :].argmax(-1)]
        return torch.where(blank, steps.clamp(min=1), steps)

    def _length(self, steps: int) -> int:
        return steps

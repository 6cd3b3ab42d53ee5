"""Windows to what a Whisper decoder attends to, on a CPU."""

from collections.abc import Sequence
from typing import Protocol

import torch

from watcherd.engine.decoder_cache import KeysAndValues
from watcherd.engine.encoder import AudioEncoder
from watcherd.engine.encodings import Encodings
from watcherd.engine.logmel import LogMel
from watcherd.engine.samples import Samples
from watcherd.engine.text_decoder import TextDecoder


class Hearing(Protocol):
    """Front end, encoder, and the decoder's projections of what that says."""

    def __call__(self, windows: Sequence[Samples], *, room: int, again: bool = False) -> list[KeysAndValues]:
        """For each decoder layer the keys and values of its attention to the audio, one row a window.

        Args:
            windows: of at most 30 s; no more than ``room``.
            room: how many windows are ever read at once.
            again: they are going to be read soon: these were only for telling the language.
        """


class HearingOnCpu:
    """One window after the other: a batched encoder pass is slower on a CPU, its activations fall out of the caches."""

    def __init__(self, log_mel: LogMel, encoder: AudioEncoder, decoder: TextDecoder) -> None:
        self._log_mel, self._encoder, self._decoder = log_mel, encoder, decoder
        self._encodings = Encodings()

    def __call__(self, windows: Sequence[Samples], *, room: int, again: bool = False) -> list[KeysAndValues]:  # noqa: ARG002
        """See ``Hearing``."""
        heard: list[KeysAndValues] = []
        for row, window in enumerate(windows):
            layers = self._decoder.hear(self._encoded(window, again=again))
            if not heard:  # room for all of them, and none of it twice
                heard = [(_for(len(windows), keys), _for(len(windows), values)) for keys, values in layers]
            for (all_keys, all_values), (keys, values) in zip(heard, layers, strict=True):
                all_keys[row], all_values[row] = keys[0], values[0]
        return heard

    def encode(self, window: Samples) -> torch.Tensor:
        """Hidden states [1, 1500, width]."""
        return self._encoder(self._log_mel(window)[None].to(self._decoder.dtype))

    def _encoded(self, window: Samples, *, again: bool) -> torch.Tensor:
        """A window that the language was told from is encoded already, which is most of what a memo costs."""
        encoded = self._encodings.take(window)
        if encoded is None:
            encoded = self.encode(window)
        if again:
            self._encodings.keep(window, encoded)
        return encoded


def _for(rows: int, one: torch.Tensor) -> torch.Tensor:
    """Memory for so many like it."""
    return one.new_empty(rows, *one.shape[1:])

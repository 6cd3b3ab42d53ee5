"""Windows to what a Whisper decoder attends to, on a GPU, each of them in one launch."""

from collections.abc import Callable, Sequence

import torch

from watcherd.engine.decoder_cache import KeysAndValues
from watcherd.engine.encoder import AudioEncoder
from watcherd.engine.logmel import LogMel
from watcherd.engine.recorded import recorded
from watcherd.engine.samples import Samples
from watcherd.engine.text_decoder import TextDecoder


class FixedHearing:
    """Encodes one window after the other, into rows that stay where they are.

    The 1500 frames of a window keep a GPU's processors busy, so that several windows at once would gain little, and
    what is heard of one does not depend on its company.

    Attributes:
        heard: for each decoder layer the keys and values, one row for each window that there may be; empty before the
            first call.
    """

    def __init__(self, log_mel: LogMel, encoder: AudioEncoder, decoder: TextDecoder) -> None:
        self._log_mel, self._encoder, self._decoder = log_mel, encoder, decoder
        self.heard: list[KeysAndValues] = []
        self._samples = torch.empty(0)
        self._waveform = torch.zeros(1, log_mel.samples, device=decoder.device)
        self._row = torch.zeros(1, dtype=torch.int64, device=decoder.device)
        self._hear: Callable[[], None] = self._hear_one

    def __call__(self, windows: Sequence[Samples], *, room: int, again: bool = False) -> list[KeysAndValues]:  # noqa: ARG002  to encode it again is a trifle
        """See ``Hearing``; what is returned are the first rows of ``heard``."""
        if len(self._samples) != room:
            self._take(room)
        for row, window in enumerate(windows):
            samples = self._samples[row]
            length = min(len(window), len(samples))
            samples[:length] = torch.from_numpy(window[:length])
            samples[length:] = 0
            self._waveform.copy_(samples[None], non_blocking=True)
            self._row.fill_(row)
            self._hear()
        count = len(windows)
        return [(keys[:count], values[:count]) for keys, values in self.heard]

    def _take(self, rows: int) -> None:
        """Take memory for so many windows instead of what there was.

        Raises:
            torch.OutOfMemoryError: there is less.
        """
        self.heard.clear()  # first, since there may be too little for both
        self._samples = torch.empty(0)
        self.heard += self._decoder.room(rows)
        self._hear = recorded(self._hear_one, self._decoder.device)
        pinned = self._decoder.device.type == "cuda"  # a GPU copies from there by itself
        self._samples = torch.zeros(rows, self._log_mel.samples, pin_memory=pinned)

    def _hear_one(self) -> None:
        """Of the window in ``_waveform``, into the row that ``_row`` names. It is recorded."""
        features = self._log_mel.features(self._waveform).to(self._decoder.dtype)
        for room, layer in zip(self.heard, self._decoder.hear(self._encoder(features)), strict=True):
            for place, tensor in zip(room, layer, strict=True):
                place.index_copy_(0, self._row, tensor)

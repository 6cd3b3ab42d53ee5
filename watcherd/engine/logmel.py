"""Samples to the log-mel spectrogram that Whisper reads, on the model's device."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from watcherd.engine.samples import Samples


class FeatureExtractor(Protocol):
    """What is needed of transformers' WhisperFeatureExtractor."""

    n_fft: int
    hop_length: int
    n_samples: int
    mel_filters: npt.NDArray[np.float64]


class LogMel:
    """The log-mel front end of Whisper (Radford et al. 2022, section 2.2).

    The same arithmetic as transformers' feature extractor, but the result stays on the device, and a window's dynamic
    range is taken from that window alone, whatever else is in the batch.
    """

    def __init__(self, extractor: FeatureExtractor, device: torch.device) -> None:
        self._n_fft = extractor.n_fft
        self._hop = extractor.hop_length
        self.samples = extractor.n_samples
        """Of a padded window."""
        self._device = device
        self._hann = torch.hann_window(self._n_fft, device=device)
        filters = np.asarray(extractor.mel_filters, dtype=np.float32).T
        self._filters = torch.from_numpy(np.ascontiguousarray(filters)).to(device)

    def __call__(self, samples: Samples) -> torch.Tensor:
        """The features of one window: float32 [mels, frames], padded with silence to the model's full 30 s."""
        waveform = torch.from_numpy(samples[: self.samples]).to(self._device, torch.float32)
        return self.features(functional.pad(waveform, (0, self.samples - waveform.shape[0]))[None])[0]

    def features(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Those of padded windows on the device, float32 [windows, samples], to [windows, mels, frames]."""
        spectrum = torch.stft(waveforms, self._n_fft, self._hop, window=self._hann, return_complex=True)
        power = (spectrum.real**2 + spectrum.imag**2)[..., :-1]
        log = torch.clamp(self._filters @ power, min=1e-10).log10()
        log = torch.maximum(log, log.amax((1, 2), keepdim=True) - 8.0)
        return (log + 4.0) / 4.0

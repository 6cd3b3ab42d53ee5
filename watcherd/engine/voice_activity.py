"""silero's voice-activity network, with the weights of the silero-vad package, for many frames at a time."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import ThreadpoolController

from watcherd.engine.samples import FRAME, Samples
from watcherd.errors import ModelUnavailableError

CONTEXT: Final = 64
"""Samples before a frame that the network sees again; as many behind it are the frame's own, mirrored."""

FFT: Final = 256
HOP: Final = 128
COLUMNS: Final = FRAME // HOP
"""Of a frame's spectrogram."""

FREQUENCIES: Final = FFT // 2 + 1
WIDTH: Final = 128
"""Of the first convolution's output and of the recurrent state."""

TAPS: Final = 3
"""Of every convolution; beyond a frame's spectrogram lie zeros."""

_FILE: Final = "silero_vad.jit"
_PREFIX: Final = "_model."
"""Of the weights for 16 kHz; the file has those for 8 kHz, too."""

Floats = npt.NDArray[np.float32]


class VoiceActivity:
    """How probably somebody speaks, frame after frame of one stream of samples.

    The network of silero-vad 6 (spectrogram, four convolutions, LSTM), whose probabilities it gives to four digits.
    Only the LSTM has to go from frame to frame: the rest are products of matrices for all frames together, which takes
    a third of the time of the package's ONNX model. All is computed on the caller's thread alone: PyTorch would divide
    it among those of the recognizer, which wait for each other in every frame, and that takes three times as long.
    """

    def __init__(self) -> None:
        """Start a stream.

        Raises:
            ModelUnavailableError: the weights are not installed, or are not those of this network.
        """
        self._layers = _layers()
        self._state: tuple[torch.Tensor, torch.Tensor] | None = None
        self._context: Samples = np.zeros(CONTEXT, np.float32)

    def __call__(self, samples: Samples) -> Floats:
        """The stream's next whole frames, samples [frames * 512], to the probability of speech in each, [frames]."""
        frames = samples.reshape(-1, FRAME)
        before = np.concatenate([self._context[None], frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:].copy()
        mirrored = frames[:, -2 : -2 - CONTEXT : -1]
        heard = self._layers.convolve(np.concatenate([before, frames, mirrored], axis=1))
        torch.get_num_threads()  # the first time that a thread asks, PyTorch sets the thread's number of helpers
        with torch.inference_mode(), _threads().limit(limits=1, user_api="openmp"):  # of this thread, no other's
            outputs, self._state = self._layers.lstm(torch.from_numpy(heard), self._state)
        return self._layers.decide(outputs.numpy())


class _Layers:
    """The weights, and what is computed with them; the same for all streams."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        """Take over the state of silero's module for 16 kHz."""
        convolutions = [weights[f"encoder.{index}.reparam_conv.weight"] for index in range(4)]
        # The third has one output in reach of its two inputs, and the fourth one input: their other taps see zeros.
        convolutions[2] = convolutions[2][:, :, 1:]
        convolutions[3] = convolutions[3][:, :, 1:2]
        self._weights = [_as_matrix(weight) for weight in convolutions]
        self._biases = [weights[f"encoder.{index}.reparam_conv.bias"].numpy() for index in range(4)]
        self.lstm = torch.nn.LSTM(WIDTH, WIDTH).requires_grad_(False)  # noqa: FBT003  its only argument
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.lstm.load_state_dict({f"{name}_l0": weights[f"decoder.rnn.{name}"] for name in names})
        self._decision = weights["decoder.decoder.2.weight"].numpy().reshape(WIDTH)
        self._decision_bias = weights["decoder.decoder.2.bias"].numpy()
        # Its file has the Fourier transform as a matrix, equal to this but for 4e-5.
        self._hann = torch.hann_window(FFT).numpy()

    def convolve(self, frames: Floats) -> Floats:
        """Frames with what is around them, [frames, 640], to the LSTM's input [frames, 128]."""
        count = frames.shape[0]
        columns = sliding_window_view(frames, FFT, axis=1)[:, ::HOP] * self._hann
        spectrogram = np.zeros((count, COLUMNS + 2, FREQUENCIES), np.float32)
        np.abs(np.fft.rfft(columns), out=spectrogram[:, 1:-1])
        first = np.zeros((count, COLUMNS + 1, WIDTH), np.float32)  # the second convolution has a stride of 2
        first[:, 1:] = self._layer(0, _neighbours(spectrogram, 1)).reshape(count, COLUMNS, WIDTH)
        second = self._layer(1, _neighbours(first, 2)).reshape(count, -1)
        return self._layer(3, self._layer(2, second))

    def decide(self, outputs: Floats) -> Floats:
        """The LSTM's outputs [frames, 128] to probabilities [frames]."""
        scores = np.maximum(outputs, 0) @ self._decision + self._decision_bias
        probabilities: Floats = 1 / (1 + np.exp(-scores))
        return probabilities

    def _layer(self, index: int, inputs: Floats) -> Floats:
        outputs: Floats = inputs @ self._weights[index]
        outputs += self._biases[index]
        np.maximum(outputs, 0, out=outputs)
        return outputs


def _as_matrix(weight: torch.Tensor) -> Floats:
    """[outputs, inputs, taps] to [taps * inputs, outputs]."""
    return np.ascontiguousarray(weight.permute(2, 1, 0).flatten(0, 1).numpy())


def _neighbours(columns: Floats, stride: int) -> Floats:
    """What a convolution sees at each of its places: [frames, columns, width] to [frames * places, taps * width]."""
    count, _, width = columns.shape
    seen: Floats = sliding_window_view(columns.reshape(count, -1), TAPS * width, axis=1)[:, :: stride * width]
    return seen.reshape(-1, TAPS * width)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _layers() -> _Layers:
    path = _model_file()
    try:
        # Not by the package: importing it would set torch's number of threads to 1.
        module: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        weights = module.state_dict()
        return _Layers({name.removeprefix(_PREFIX): weights[name] for name in weights if name.startswith(_PREFIX)})
    except (RuntimeError, KeyError) as error:
        raise _unavailable(f"the voice-activity model {path} cannot be loaded: {error}") from error


def _model_file() -> Path:
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, "data", _FILE)
        if path.is_file():
            return path
    raise _unavailable(f"the voice-activity model {_FILE} is not installed")


def _unavailable(problem: str) -> ModelUnavailableError:
    return ModelUnavailableError(problem, remedy="Install it: pip install 'silero-vad>=6.2.3,<7'")

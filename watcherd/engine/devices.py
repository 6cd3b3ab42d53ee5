"""Which device the model runs on, and in which number format."""

from dataclasses import dataclass, replace
from typing import Final

import torch

from watcherd.engine.compiled import library
from watcherd.engine.messages import Decoding
from watcherd.engine.processor import multiplies_int8, processor_name
from watcherd.errors import DeviceUnavailableError

_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "int8": torch.float32,  # what is not a linear layer stays in float32
}

INT8_FAMILIES: Final = frozenset({"whisper"})
"""Families of models, as checkpoints name them, whose layers can compute in 8-bit integers."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model lives."""

    device: torch.device
    dtype: torch.dtype
    name: str
    """The GPU's or the processor's name, for people."""
    int8: bool = False
    """Whether linear layers compute in 8-bit integers, whatever ``dtype`` says for the rest."""

    @property
    def dtype_name(self) -> str:
        """As the configuration writes it."""
        return "int8" if self.int8 else str(self.dtype).removeprefix("torch.")


def place(device: str, dtype: str) -> Placement:
    """Turn the configuration's words into a device that works here.

    PyTorch calls an AMD GPU under ROCm "cuda" as well, so one path serves both makes.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: "auto", "float16", "bfloat16", "float32" or, on a CPU, "int8"; "auto" is float16 on a GPU and float32
            on a CPU, where half precision is emulated and slower; for what it is once the model is known, see
            ``suited``.

    Raises:
        DeviceUnavailableError: a GPU is asked for that PyTorch does not see, or the device cannot compute in int8.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda":
        _require_gpu(device, chosen)
        chosen = torch.device("cuda", chosen.index or 0)
        name = torch.cuda.get_device_name(chosen)
    else:
        name = processor_name()
    if dtype == "auto":
        dtype = "float16" if chosen.type == "cuda" else "float32"
    if dtype == "int8":
        _require_int8(chosen, name)
    return Placement(chosen, _DTYPES[dtype], name, int8=dtype == "int8")


def suited(placement: Placement, family: str) -> Placement:
    """What ``dtype = "auto"`` comes to for a model of this family: int8 where that is faster and as accurate.

    That is so for Whisper on a processor that multiplies 8-bit integers in one step (VNNI): the default model's shape
    reads a window in a third of the time, and of 3600 words of English base got no more wrong than in float32
    (bench/results). Without such instructions inputs have half as many levels, which nobody has measured.
    """
    may = placement.device.type == "cpu" and family in INT8_FAMILIES and multiplies_int8()
    can = may and torch.backends.mkldnn.is_available() and library() is not None  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return replace(placement, int8=True) if can else placement


def seeks_accuracy(placement: Placement, decoding: Decoding) -> bool:
    """Whether ``decoding`` means to follow several texts of a window.

    "auto" does so on a CPU. Every step of it waits for the device, which would leave a GPU idle, and its price there is
    not known.
    """
    return decoding == "accurate" or (decoding == "auto" and placement.device.type == "cpu")


def _require_int8(device: torch.device, name: str) -> None:
    if device.type != "cpu":
        raise DeviceUnavailableError(
            f'dtype = "int8" is for CPUs, and the model goes to {device} ({name}), where float16 is as fast',
            remedy='Set dtype = "auto", or device = "cpu", under [model]',
        )
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch leaves it untyped
        raise DeviceUnavailableError(
            f'dtype = "int8" needs oneDNN, which PyTorch {torch.__version__} was built without',
            remedy='Set dtype = "auto" under [model], or install an official build of PyTorch',
        )
    if library() is None:
        raise DeviceUnavailableError(
            'dtype = "int8" needs the compiled part of watcherd, which is missing or does not fit this system',
            remedy='Install gcc and then watcherd once more, or set dtype = "auto" under [model]',
        )


def _require_gpu(asked: str, device: torch.device) -> None:
    if torch.version.cuda is None and torch.version.hip is None:
        raise DeviceUnavailableError(
            f'device = "{asked}" asks for a GPU, but PyTorch {torch.__version__} is built for the CPU only',
            remedy='Install the GPU build (README, "GPU") or set device = "auto" under [model]',
        )
    count = torch.cuda.device_count()
    if count == 0:
        raise DeviceUnavailableError(
            f'device = "{asked}" asks for a GPU, but PyTorch {torch.__version__} sees none',
            remedy="Check the driver (nvidia-smi or rocminfo) and that the daemon may open the device nodes "
            '(groups "render" and "video"), or set device = "auto" under [model]',
        )
    if (device.index or 0) >= count:
        raise DeviceUnavailableError(
            f'device = "{asked}", but this machine has {count} GPU(s), numbered from 0',
            remedy=f'Set device = "cuda:{count - 1}" or "auto" under [model]',
        )

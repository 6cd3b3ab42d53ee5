"""Linear layers in 8-bit integers, for CPUs."""

from typing import Final

import torch

from watcherd.engine.compiled import library
from watcherd.engine.processor import multiplies_int8

WEIGHT_LEVELS: Final = 127

_SMALLEST_STEP: Final = 1e-12


class Int8Linear:
    """A linear layer with 8-bit weights (a scale for each output) and 8-bit inputs (a scale and a zero for each row).

    Input scales are taken from each row alone and products are summed in integers, exactly, so what comes out for a row
    does not depend on its company in the batch. Inputs and results are converted by code of our own (``int8.c``), which
    takes a tenth of a layer's time less than ten operations of PyTorch's in the encoder, and a third in the decoder. A
    zero for each row halves the error behind a GELU, which gives next to nothing below zero, and takes a tenth of it
    elsewhere.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Quantise a float32 weight [outputs, inputs] and keep the bias [outputs] as it is."""
        functions = library()
        assert functions is not None  # noqa: S101  see ``devices``
        self._functions = functions
        weight = weight.detach()
        scales = (weight.abs().amax(1) / WEIGHT_LEVELS).clamp_min(_SMALLEST_STEP)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        self._steps = _input_steps()
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._scales = scales
        self._zeros = torch.zeros(weight.shape[0], dtype=torch.int32)
        self._sums = rounded.sum(1) * scales
        self._bias = weight.new_zeros(weight.shape[0]) if bias is None else bias.detach().contiguous()

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Float32 [..., inputs] to float32 [..., outputs]."""
        given = inputs.reshape(-1, inputs.shape[-1]).contiguous()
        rows, width = given.shape
        levels = torch.empty(rows, width, dtype=torch.uint8)
        step, zero = torch.empty(rows), torch.empty(rows)
        self._functions.quantise(
            *(given.data_ptr(), levels.data_ptr(), step.data_ptr(), zero.data_ptr()), *(rows, width, self._steps)
        )
        outputs: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, 0, self._weight, self._scales, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        self._functions.dequantise(
            *(outputs.data_ptr(), step.data_ptr(), zero.data_ptr(), self._sums.data_ptr(), self._bias.data_ptr()),
            *outputs.shape,
        )
        return outputs.view(*inputs.shape[:-1], -1)


def _input_steps() -> int:
    """How many steps of equal size lie between a row's lowest and highest input; there is one level more for the zero.

    Without VNNI instructions the processor adds two products of 8 bits in 16, which overflows beyond half the range.
    """
    return 254 if multiplies_int8() else 126

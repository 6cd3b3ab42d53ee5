"""Linear layers in 8-bit integers, for CPUs."""

from typing import Final

import torch

from watcherd.engine.devices import multiplies_int8

WEIGHT_LEVELS: Final = 127

_SMALLEST_STEP: Final = 1e-12

_ROUNDING: Final = 1.5 * 2**23
"""Added to a float32, this leaves no bits behind the point: the sum is rounded, and its lowest byte is the whole
number. That is three times as fast as a conversion to 8 bits."""


class Int8Linear:
    """A linear layer with 8-bit weights (a scale for each output) and 8-bit inputs (a scale and a zero for each row).

    Input scales are taken from each row alone and products are summed in integers, exactly, so what comes out for a row
    does not depend on its company in the batch. A zero for each row halves the error behind a GELU, which gives next to
    nothing below zero, and takes a tenth of it elsewhere.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Quantise a float32 weight [outputs, inputs] and keep the bias [outputs] as it is."""
        weight = weight.detach()
        scales = (weight.abs().amax(1) / WEIGHT_LEVELS).clamp_min(_SMALLEST_STEP)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        self._steps = _input_steps()
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._scales = scales
        self._zeros = torch.zeros(weight.shape[0], dtype=torch.int32)
        self._sums = rounded.sum(1) * scales
        self._bias = weight.new_zeros(weight.shape[0]) if bias is None else bias.detach()

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Float32 [..., inputs] to float32 [..., outputs]."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        lowest, highest = rows.amin(1, keepdim=True).clamp_max_(0), rows.amax(1, keepdim=True).clamp_min_(0)
        step = highest.sub_(lowest).mul_(1 / self._steps).clamp_min_(_SMALLEST_STEP)
        zero = lowest.div_(step).neg_().ceil_()  # rounded up, so that no level is below 0
        levels = (rows * step.reciprocal()).add_(zero + _ROUNDING).view(torch.int32).to(torch.uint8)
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, 0, self._weight, self._scales, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        torch.addcmul(self._bias, product, step, out=product)
        product.addcmul_(zero.mul_(step), self._sums, value=-1)
        return product.view(*inputs.shape[:-1], -1)


def _input_steps() -> int:
    """How many steps of equal size lie between a row's lowest and highest input; there is one level more for the zero.

    Without VNNI instructions the processor adds two products of 8 bits in 16, which overflows beyond half the range.
    """
    return 254 if multiplies_int8() else 126

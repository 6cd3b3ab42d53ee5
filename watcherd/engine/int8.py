"""Linear layers in 8-bit integers, for CPUs."""

from typing import Final

import torch

from watcherd.engine.devices import processor_has

WEIGHT_LEVELS: Final = 127
_SMALLEST_SCALE: Final = 1e-12


class Int8Linear:
    """A linear layer with 8-bit weights (a scale for each output) and 8-bit inputs (a scale for each row).

    Input scales are taken from each row alone, so what comes out for a window does not depend on its company in the
    batch; products are summed in 32-bit integers, without rounding.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Quantise a float32 weight [outputs, inputs] and keep the bias [outputs] as it is."""
        weight = weight.detach()
        scales = (weight.abs().amax(1) / WEIGHT_LEVELS).clamp_min(_SMALLEST_SCALE)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        self._levels = _input_levels()
        self._middle = self._levels + 1
        # oneDNN takes unsigned inputs, hence the middle; its output is scaled by the weights, ours by the rows.
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._scales = scales
        self._zeros = torch.zeros(weight.shape[0], dtype=torch.int32)
        self._bias = None if bias is None else bias.detach().clone()

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Float32 [..., inputs] to float32 [..., outputs]."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        scales = rows.abs().amax(1, keepdim=True).mul_(1 / self._levels).clamp_min_(_SMALLEST_SCALE)
        # The half turns the cut of the conversion into a rounding.
        levels = torch.div(rows, scales).add_(self._middle + 0.5).to(torch.uint8)
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels,
            1.0,
            self._middle,
            self._weight,
            self._scales,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        product.mul_(scales)
        if self._bias is not None:
            product.add_(self._bias)
        return product.view(*inputs.shape[:-1], -1)


def _input_levels() -> int:
    """How many levels an input may have on each side of zero.

    Without VNNI instructions the processor adds two products of 8 bits in 16, which overflows beyond half the range.
    """
    return 127 if processor_has("avx512_vnni") or processor_has("avx_vnni") else 63

"""Computations that a GPU is given as a whole, in one launch."""

import logging
from collections.abc import Callable

import torch

WARM_UPS = 2
"""Libraries take their workspaces and choose their kernels in the first calls, which cannot be recorded."""

_log = logging.getLogger(__name__)


def recorded(compute: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Record a computation as a CUDA (under ROCm: HIP) graph; what is returned computes it again.

    A decoder's step is a hundred small kernels, and to launch them one by one takes a GPU's host several times as long
    as it takes the GPU to run them. On a CPU, and where the driver cannot record it, it is computed call by call.

    Args:
        compute: reads tensors that stay where they are and writes into such, never asks for a value of one, and takes
            the same way every time. It is run as often as it takes to record it, so what it writes is worth nothing
            yet.
        device: where its tensors are.

    Raises:
        torch.OutOfMemoryError: the device cannot hold what lies between.
    """
    if device.type == "cpu":
        return compute
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            compute()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads compute on the CPU meanwhile, which is none of the recording's business.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            compute()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        if isinstance(error.__context__, torch.OutOfMemoryError):  # the end of the recording complains of it, too
            raise error.__context__ from None
        _log.warning("the GPU's driver cannot record a computation, so decoding takes longer: %s", error)
        return compute
    return graph.replay

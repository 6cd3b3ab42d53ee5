"""The part of the engine that is written in C, compiled while watcherd is installed."""

import ctypes
import logging
from functools import cache
from pathlib import Path
from typing import Final

from threadpoolctl import ThreadpoolController

from watcherd.engine.processor import processor_has

_FOR_PROCESSORS: Final = {
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "x86-64-v3": ("avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"),
}
"""The levels of the architecture for which there is a library besides the one for all processors, the best first, and
what a processor of that level has."""

_POINTER, _NUMBER, _FLOAT = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_float
_FUNCTIONS: Final = {
    "attend": (ctypes.c_int, *[_POINTER] * 4, *[_NUMBER] * 7, _POINTER, _POINTER, _FLOAT),
    "quantise": (*[_POINTER] * 4, _NUMBER, _NUMBER, _FLOAT),
    "dequantise": (*[_POINTER] * 5, _NUMBER, _NUMBER),
}
"""With the types of their arguments; none returns anything. What they do stands beside each in its file."""

_log = logging.getLogger(__name__)


@cache
def library() -> ctypes.CDLL | None:
    """Its functions; None, and a warning, where it is missing or does not fit the system."""
    try:
        # It is linked to no OpenMP of its own: with a second pool of threads each would wait for the other's.
        ctypes.CDLL(_openmp(), mode=ctypes.RTLD_GLOBAL)
        functions = ctypes.CDLL(str(Path(__file__).with_name(f"_compiled.{_level()}.so")))
    except OSError as error:
        _log.warning(
            "the compiled part of watcherd cannot be used, so recognition on a CPU takes about three times as long; "
            "install gcc and then watcherd once more (%s)",
            error,
        )
        return None
    for name, arguments in _FUNCTIONS.items():
        function = getattr(functions, name)  # an attribute is made once, an item anew whenever it is asked for
        function.argtypes = arguments
        function.restype = None
    return functions


def _level() -> str:
    return next((level for level, features in _FOR_PROCESSORS.items() if processor_has(*features)), "generic")


def _openmp() -> str:
    """PyTorch's GNU OpenMP, or else the system's."""
    loaded = (pool["filepath"] for pool in ThreadpoolController().info() if pool["user_api"] == "openmp")
    return next((path for path in loaded if Path(path).name.startswith("libgomp")), "libgomp.so.1")

"""What a result was measured on."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from watcherd.engine.processor import processor_name

LIBRARIES = ("torch", "transformers", "faster-whisper", "ctranslate2", "onnxruntime")


def machine() -> str:
    """Processor, cores and versions in one line."""
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} processors"
    versions = (f"{name} {_version(name)}" for name in LIBRARIES)
    return ", ".join((processor_name(), cores, f"Python {platform.python_version()}", *versions))


def command(module: str) -> str:
    """What was typed."""
    return " ".join(("python -m", module, *sys.argv[1:]))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"

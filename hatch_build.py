"""Compiles watcherd's attention for CPUs while the package is built; without a compiler watcherd works, but slower."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

SOURCE = Path("watcherd", "engine", "attention.c")
LIBRARY = SOURCE.with_name("_attention.so")


class CompileAttention(BuildHookInterface):
    """Called by hatchling, for wheels and for editable installations, whose library lies beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's interface
        """Compile it, or say why that cannot be done."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        (root / LIBRARY).unlink(missing_ok=True)
        try:
            compile_library(root / SOURCE, root / LIBRARY)
        except (OSError, subprocess.CalledProcessError) as error:
            cause = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            self.app.display_warning(f"{SOURCE} cannot be compiled, so watcherd will be slower on a CPU: {cause}")
            return
        build_data["artifacts"].append(str(LIBRARY))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platform_tags())}"


def compile_library(source: Path, library: Path) -> None:
    """Compile with $CC, gcc if that is not set; code for several processors goes into one library.

    Raises:
        OSError: there is no compiler.
        subprocess.CalledProcessError: it fails.
    """
    compiler = os.environ.get("CC", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "attention.o")
        _run(compiler, "-std=gnu11", "-O3", "-ffp-contract=fast", "-fopenmp", "-fPIC", "-Wall", "-Wno-psabi", "-c",
             str(source), "-o", str(compiled))  # fmt: skip
        # Without -fopenmp here: PyTorch's OpenMP is to be found when it is loaded.
        _run(compiler, "-shared", str(compiled), "-o", str(library))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)

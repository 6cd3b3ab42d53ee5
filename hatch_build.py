"""Compiles what the engine has in C while the package is built; without a compiler watcherd works, but slower."""

import os
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

FOLDER = Path("watcherd", "engine")
LEVELS = {"x86_64": ("x86-64-v4", "x86-64-v3")}.get(platform.machine(), ())
"""Of the processor's architecture; what is compiled for one of them runs only where its instructions are known."""


class CompileEngine(BuildHookInterface):
    """Called by hatchling, for wheels and for editable installations, whose library lies beside its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's interface
        """Compile it, or say why that cannot be done."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / FOLDER
        for library in folder.glob("_compiled.*.so"):
            library.unlink()
        try:
            for level in LEVELS:
                compile_library(folder, folder / f"_compiled.{level}.so", f"-march={level}")
            compile_library(folder, folder / "_compiled.generic.so")
        except (OSError, subprocess.CalledProcessError) as error:
            cause = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            self.app.display_warning(f"{FOLDER}/*.c cannot be compiled, so watcherd will be slower on a CPU: {cause}")
            return
        build_data["artifacts"].append(f"{FOLDER}/_compiled.*.so")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platform_tags())}"


def compile_library(folder: Path, library: Path, *options: str) -> None:
    """Make a library of the C in a folder, with $CC, or gcc if that is not set.

    Raises:
        OSError: there is no compiler.
        subprocess.CalledProcessError: it fails.
    """
    compiler = os.environ.get("CC", "gcc")
    options = ("-std=gnu11", "-O3", "-ffp-contract=fast", "-fopenmp", "-fPIC", "-Wall", "-Wno-psabi", *options)
    with tempfile.TemporaryDirectory() as made:
        for source in folder.glob("*.c"):
            _run(compiler, *options, "-c", str(source), "-o", str(Path(made, source.name).with_suffix(".o")))
        # Without -fopenmp here: PyTorch's OpenMP is to be found when it is loaded.
        _run(compiler, "-shared", *sorted(map(str, Path(made).iterdir())), "-o", str(library))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)

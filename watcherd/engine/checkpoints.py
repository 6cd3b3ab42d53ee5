"""Model id to local files: a Hub id, a folder, or ``packaged:NAME``. Nothing here imports torch."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open

from watcherd.engine import hub
from watcherd.engine.packaged import PACKAGES, converted
from watcherd.errors import ModelUnavailableError

PREFIX: Final = "packaged:"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model on this disk, with all the files that loading it takes."""

    model_id: str
    folder: Path
    revision: str
    """The Hub's commit, or the sha256 of packaged weights; empty for a folder of the user's."""
    family: str
    """The model_type of config.json."""
    english_only: bool
    """It writes English whatever is spoken. So do all distil-whisper models, although their tokenizer knows more."""
    multilingual: bool | None
    """Whether its prompt takes a language, as generation_config.json says; None where that says nothing."""
    languages: tuple[str, ...]
    """The codes it has a token for; empty where generation_config.json names none."""


def resolve(model_id: str, *, download: bool, progress: bool = False, cache: Path | None = None) -> Checkpoint:
    """Where the model lies.

    Args:
        model_id: a Hub id, a folder, or ``packaged:NAME``.
        download: bring it from the Hub where it is not here yet.
        progress: show how far the download is, on stderr.
        cache: where converted packaged models are kept, instead of ``cache_folder()``.

    Raises:
        ModelUnavailableError: with the reason and, for a model of the Hub, the command that brings it and the
            packaged alternative.
    """
    if model_id.startswith(PREFIX):
        return _packaged(model_id, cache or cache_folder())
    folder = _folder(model_id)
    if folder is not None:
        return _checkpoint(model_id, folder, revision="")
    return _from_hub(model_id, download=download, progress=progress)


def on_disk(model_id: str) -> Checkpoint | None:
    """The model, unless it has to be brought from the Hub first: in part, perhaps, or again.

    Raises:
        ModelUnavailableError: as ``resolve`` does, for what no download can mend.
    """
    from_hub = not model_id.startswith(PREFIX) and _folder(model_id) is None
    try:
        return resolve(model_id, download=False)
    except ModelUnavailableError:
        if from_hub:
            return None
        raise


def fetch(model_id: str, *, progress: bool) -> Checkpoint:
    """Bring a model to disk, by download or conversion, and say where it is.

    Raises:
        ModelUnavailableError: as ``resolve`` does.
    """
    return resolve(model_id, download=True, progress=progress)


def is_english_by_name(model_id: str) -> bool:
    """Whether the name alone says that the model writes English whatever is spoken; it need not be on this disk."""
    return _ENGLISH_NAMES.search(model_id.rstrip("/").lower()) is not None


def cache_folder() -> Path:
    """Where converted models are kept: systemd's cache directory, else the user's."""
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0]) / "models"
    user = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (user if user.is_absolute() else Path.home() / ".cache") / "watcherd" / "models"


def _packaged(model_id: str, cache: Path) -> Checkpoint:
    package = PACKAGES.get(model_id.removeprefix(PREFIX))
    if package is None:
        known = ", ".join(f'"{PREFIX}{name}"' for name in PACKAGES)
        raise ModelUnavailableError(f"there is no model {model_id!r}", remedy=f"Write one of {known}")
    return _checkpoint(model_id, converted(package, cache), revision=package.sha256)


def _folder(model_id: str) -> Path | None:
    """The folder that is meant, there or not; None for what can only be an id of the Hub."""
    if not model_id.strip():
        raise _nothing_known(model_id)
    try:
        folder = Path(model_id).expanduser()
    except RuntimeError as error:  # ~somebody who has no account here
        raise _nothing_known(model_id) from error
    meant = folder.is_absolute() or model_id.startswith((".", "~")) or folder.is_dir()
    return folder.absolute() if meant else None


def _from_hub(model_id: str, *, download: bool, progress: bool) -> Checkpoint:
    try:
        folder = hub.cached(model_id)
    except HFValidationError as error:
        raise _nothing_known(model_id) from error
    if folder is None and not download:
        raise hub.unavailable(model_id, "it is not on this disk yet")
    if folder is not None:
        try:
            return _snapshot(model_id, folder)
        except ModelUnavailableError:
            # A download that was cut off, or a cache that another program filled with what it needed alone.
            if not download:
                raise
    return _snapshot(model_id, hub.bring(model_id, progress=progress))


def _nothing_known(model_id: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"{model_id!r} is no Hub id, no folder that is there, and no packaged model",
        remedy='Write an id such as "distil-whisper/distil-large-v3", a folder, or '
        + " or ".join(f'"{PREFIX}{name}"' for name in PACKAGES),
    )


def _snapshot(model_id: str, folder: Path) -> Checkpoint:
    """The checkpoint in a folder of the Hub's cache, which is named after the commit."""
    try:
        return _checkpoint(model_id, folder, revision=folder.name)
    except ModelUnavailableError as error:
        raise hub.unavailable(model_id, error.problem, path=error.path) from error


def _checkpoint(model_id: str, folder: Path, revision: str) -> Checkpoint:
    """Look whether the folder holds all that is needed, and what it is."""
    if not folder.is_dir():
        raise ModelUnavailableError(
            "there is no such folder", path=folder, remedy="Name the folder that holds the model's config.json"
        )
    config = _config(folder)
    _check_weights(folder)
    missing = [" or ".join(names) for names in _NEEDED if not any((folder / name).is_file() for name in names)]
    if missing:
        raise ModelUnavailableError(
            f"this folder lacks {', '.join(missing)}", path=folder, remedy="Copy the missing files from the model"
        )
    generation = _json(folder / "generation_config.json") or {}
    multilingual = generation.get("is_multilingual")
    codes = generation.get("lang_to_id")
    return Checkpoint(
        model_id=model_id,
        folder=folder,
        revision=revision,
        family=str(config.get("model_type", "unknown")),
        english_only=(
            multilingual is False
            or config.get("vocab_size") == _ENGLISH_VOCABULARY
            or any(_ENGLISH_NAMES.search(name) for name in _names(model_id, folder, config))
        ),
        multilingual=multilingual if isinstance(multilingual, bool) else None,
        languages=tuple(token.strip("<|>") for token in codes) if isinstance(codes, dict) else (),
    )


_NEEDED: Final = (("tokenizer.json", "vocab.json"), ("preprocessor_config.json", "processor_config.json"))

_ENGLISH_VOCABULARY: Final = 51864
"""Tokens of Whisper's English-only models; the others have more."""

_ENGLISH_NAMES: Final = re.compile(
    r"(^|/)distil-whisper/distil-[^/]*$|(^|/)distil-large-v\d(\.\d)?$|\.en\b[^/]*$"
    r"|(^|/)parakeet-(ctc|rnnt|tdt|tdt_ctc)-[\d.]+[bm](-v2)?$"  # from the third version on, and with -ja: not English
    r"|(^|/)(wav2vec2|hubert|data2vec-audio)-[^/]*(960h|ls960-ft)[^/]*$"  # read from LibriSpeech's 960 hours
)
"""By its own name only: fine-tunes of distil-whisper for other languages carry its name in theirs."""


def _names(model_id: str, folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """What the model is and was called; a folder of the Hub's cache tells by its grandparent's name."""
    yield model_id.rstrip("/").lower()
    yield str(config.get("_name_or_path", "")).rstrip("/").lower()
    if folder.parent.name == "snapshots":
        yield folder.parent.parent.name.removeprefix("models--").replace("--", "/").lower()


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise ModelUnavailableError(
            "this folder holds no model: there is no config.json in it",
            path=folder,
            remedy="Name the folder that holds config.json, *.safetensors and tokenizer.json",
        )
    config = _json(path)
    if config is None:
        raise ModelUnavailableError(
            "this cannot be read, or is no JSON object", path=path, remedy="Copy it from the model again"
        )
    if "auto_map" in config and not _built_in(str(config.get("model_type"))):
        raise ModelUnavailableError(
            "this model brings Python code of its own, which is never run, and transformers has none for it",
            path=folder,
            remedy="Choose a Whisper, distil-Whisper or Whisper-turbo checkpoint as id under [model]",
        )
    return config


def _built_in(family: str) -> bool:
    """Whether transformers has a folder for the family. Found by its place: the import would cost seconds."""
    spec = find_spec("transformers")
    places = spec.submodule_search_locations if spec is not None else None
    return any((Path(place) / "models" / family.replace("-", "_")).is_dir() for place in places or ())


def _check_weights(folder: Path) -> None:
    """Look whether the weights that transformers would load are there, each file to its end."""
    for path in _weights(folder):
        if not path.is_file():
            raise ModelUnavailableError(
                f"this folder lacks {path.name}, a part of the weights",
                path=folder,
                remedy="Copy the missing file from the model",
            )
        if not os.access(path, os.R_OK):  # of which the library says that there is no such file
            raise ModelUnavailableError(
                "the user that watcherd runs as may not read the weights", path=path, remedy=f"chmod a+r {path}"
            )
        try:
            with safe_open(path, framework="np"):
                pass  # reads the names and extents of the tensors and compares them with the file's length
        except (SafetensorError, OSError) as error:
            raise ModelUnavailableError(
                f"the weights are cut off or damaged: {error}", path=path, remedy="Copy the file from the model again"
            ) from error


def _weights(folder: Path) -> list[Path]:
    """In one file, or in those which the index names."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        parts = (_json(index) or {}).get("weight_map")
        if not isinstance(parts, dict) or not parts:
            raise ModelUnavailableError(
                "this names no parts of the weights", path=index, remedy="Copy it from the model again"
            )
        return [folder / name for name in sorted(set(map(str, parts.values())))]
    raise ModelUnavailableError(
        "this folder holds no weights as model.safetensors, and no other format is read: some can run code",
        path=folder,
        remedy="Convert them on a machine where you trust them, with transformers: "
        "AutoModelForSpeechSeq2Seq.from_pretrained(FOLDER).save_pretrained(FOLDER)",
    )


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None

"""The Hugging Face Hub: its cache on this disk, and bringing what is not in it yet. Nothing here imports torch."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from watcherd.errors import ModelUnavailableError

WANTED_FILES: Final = ("model.safetensors", "model-?????-of-?????.safetensors", "*.json", "*.txt")
"""What transformers loads by default: no weights that run code when they are read, no float32 doubles."""

UNWANTED_FILES: Final = ("*/*",)
"""Folders hold other formats (ONNX, TensorFlow) or checkpoints of the training; the patterns above reach into them."""

ANSWER_S: Final = 10
"""So long the Hub may take to say that it has the model. The download has the time limits of the Hub's own client."""

ALTERNATIVE: Final = 'Or use one that needs no Hub: --model packaged:base, or id = "packaged:base" under [model]'


def cached(model_id: str) -> Path | None:
    """The model's folder in the Hub's cache, as whole as the cache knows; None where it is not there.

    Raises:
        HFValidationError: this can be no id of a model.
    """
    try:
        return _snapshot(model_id, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def bring(model_id: str, *, progress: bool) -> Path:
    """Download what is missing of the model into the Hub's cache, with bars on stderr where ``progress``.

    Raises:
        ModelUnavailableError: it cannot be had; without a network after ``ANSWER_S`` at the latest.
    """
    if not progress:
        disable_progress_bars()
    with _failures_told(model_id, otherwise="it is not complete on this disk, and the Hub cannot be reached"):
        _ask(model_id)
    with _failures_told(model_id, otherwise="the download broke off"):
        return _snapshot(model_id, local_files_only=False)


def unavailable(model_id: str, reason: str, path: Path | None = None) -> ModelUnavailableError:
    """The error for a model of the Hub, with the command that brings it and the packaged alternative."""
    return ModelUnavailableError(
        f"the model {model_id} cannot be had: {reason}",
        path=path,
        remedy=f"Bring it with: watcherd model fetch {model_id}. {ALTERNATIVE}",
    )


def _snapshot(model_id: str, *, local_files_only: bool) -> Path:
    return Path(
        snapshot_download(
            model_id,
            allow_patterns=list(WANTED_FILES),
            ignore_patterns=list(UNWANTED_FILES),
            local_files_only=local_files_only,
        )
    )


def _ask(model_id: str) -> None:
    """Ask the Hub for the model, and give up in time.

    Its client waits for as long as TCP does, minutes, where a firewall drops the packets; and a time limit on sockets
    holds for each address of the Hub anew and not at all for the name server. So a thread waits in our place.
    """
    answer: Future[None] = Future()

    def ask() -> None:
        try:
            HfApi().model_info(model_id, timeout=ANSWER_S)
        except Exception as error:  # noqa: BLE001  raised again where the answer is awaited
            answer.set_exception(error)
        else:
            answer.set_result(None)

    threading.Thread(target=ask, name="hub", daemon=True).start()
    answer.result(ANSWER_S)


@contextmanager
def _failures_told(model_id: str, *, otherwise: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the errors of the client's own transports, too, which it does not export
        raise unavailable(model_id, _reason(error, otherwise), _place(error)) from error


def _reason(error: Exception, otherwise: str) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    match error:
        case TimeoutError():
            return f"{otherwise}: no answer within {ANSWER_S} s"
        case HfHubHTTPError():
            return f"the Hub refused it: {_first_line(error)}"
        case OSError(strerror=str(why)):
            return f"it cannot be stored: {why}"
        case _:
            return f"{otherwise}: {_first_line(error)}"


_REASONS: Final = (
    (GatedRepoError, "its owner asks for an agreement first: accept it on the model's page and set HF_TOKEN"),
    (RepositoryNotFoundError, "the Hub knows no such model, or HF_TOKEN may not see it"),
    (OfflineModeIsEnabled, "it is not complete on this disk, and HF_HUB_OFFLINE is set: unset it first"),
)
"""The first kind that fits; a gated model's error is one of those for a model that is not found."""


def _place(error: Exception) -> Path | None:
    """Where there is no room, or no permission."""
    local = isinstance(error, OSError) and error.errno is not None
    return Path(constants.HF_HUB_CACHE) if local else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)

"""What people ask to have done again: transcriptions, or files made of the stored ones."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from watcherd.ledger.ledger import Ledger
from watcherd.ledger.queue import REDOABLE
from watcherd.ledger.reader import Reader
from watcherd.service.control import Reply, Request
from watcherd.service.requests import BadRequestError, paths_in
from watcherd.sidecars.formats import FORMATS

_UNKNOWN: Final = "it is not in the ledger"


def redo(ledger: Ledger, request: Request) -> Reply:
    """Do what a control request ``redo`` asks for.

    It has ``paths``, or means every recording that has a transcript where there are none; it may have ``model``, which
    leaves only what that model made; and it may have ``formats``, which asks for these sidecars, made of the stored
    transcripts, instead of for new transcriptions. All is asked for in one transaction.

    Returns:
        ``{"refused": {path: reason}, "asked": n}``: what nothing is done for, and for how many recordings something is.

    Raises:
        BadRequestError: the request cannot be understood.
    """
    paths, model, formats = request.get("paths"), request.get("model"), _formats_in(request.get("formats", []))
    if model is not None and not isinstance(model, str):
        raise BadRequestError(f"{model!r} is no name of a model")
    if paths is None:
        wanted = [each for each in ledger.read.transcribed(model) if formats or _is_redoable(ledger.read, each)]
        refused: dict[str, str] = {}
    elif isinstance(paths, list):
        found = {path: _content_of(ledger.read, path, model, formats) for path in paths_in(paths)}
        refused = {str(path): reason for path, reason in found.items() if isinstance(reason, str)}
        wanted = list(dict.fromkeys(each for each in found.values() if isinstance(each, int)))
    else:
        raise BadRequestError(f"{paths!r} is no list of paths")
    if formats:
        ledger.publishing.ask_for(wanted, formats)
    else:
        ledger.queue.redo(*wanted)
    return {"refused": refused, "asked": len(wanted)}


def _formats_in(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) and value in FORMATS for value in values):
        raise BadRequestError(f"{values!r} are no formats of sidecars", remedy=f"Choose from {', '.join(FORMATS)}")
    return values


def _content_of(read: Reader, path: Path, model: str | None, formats: Collection[str]) -> int | str:
    """The content that is meant; or why nothing is done for this path."""
    known = read.path(path)
    if known is None or known.content_id is None:
        return _UNKNOWN
    if formats or model is not None:
        result = read.result(known.content_id)
        if result is None:
            return "it has no transcript yet"
        if model not in {None, result.model_id}:
            return f"{result.model_id} made its transcript"
    if not formats and not _is_redoable(read, known.content_id):
        return "it is about to be transcribed anyway"
    return known.content_id


def _is_redoable(read: Reader, content_id: int) -> bool:
    return read.content_state(content_id) in REDOABLE

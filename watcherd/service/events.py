"""Every event that a person may want to know of: its sentence, its level, its fields and its id in the journal.

A new event is one entry in ``Event``, and in ``Facts`` where it tells something new.
"""

import logging
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, unique
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from watcherd.config.languages import LANGUAGES
from watcherd.errors import ConfigError, WatcherdError
from watcherd.ledger.states import State
from watcherd.names import printable
from watcherd.service.journal import NOTICE
from watcherd.service.spoken import duration, moment

_log = logging.getLogger(__name__)


class Facts(TypedDict, total=False):
    """What an event can tell. Each name may stand in an event's sentence, and most become fields in the journal."""

    attempt: int
    """From 1."""
    attempts: int
    """How many there are at most."""
    audio_ms: int
    compute_s: float
    """The share of ``elapsed_s`` that was spent on this recording and not on others beside it."""
    config: Path
    device: str | None
    dtype: str
    elapsed_s: float
    entries: int
    """Of a vocabulary."""
    error: WatcherdError
    """Its remedy, where it has one, takes the place of the event's."""
    folders: Iterable[Path]
    how: str
    """As the sentence needs it: what happened ("was killed by SIGKILL"), or what the reader can do about it."""
    language: str | None
    mode: str
    model: str
    old_path: Path | None
    path: Path
    """The recording; absolute."""
    paths: Iterable[Path]
    """Several recordings."""
    progress: float
    """0..1."""
    recordings: int
    retry_in_s: float
    root: Path
    """The watched folder; a recording in it is shown relative to it."""
    sidecar: Path
    sidecars: Iterable[Path]
    signal: str
    state: State
    until: datetime | None
    used: int
    """How many of the entries."""
    version: str
    why: str
    """A clause without a full stop."""


@dataclass(frozen=True, slots=True)
class Kind:
    """All that events of one kind have in common."""

    message_id: str
    """128 random bits, from ``systemd-id128 new``; never changed, never used for something else."""
    level: int
    text: str
    """One sentence without a full stop. ``{fact}`` stands for a fact, and ``{speed}`` for audio per time of work;
    what stands in ``[…]`` is left out where a fact in it is not told."""
    remedy: str = ""
    """An imperative: what the reader can do. Errors have one."""
    state: State | None = None
    """The state that the recording is in from now on."""


@unique
class Event(Enum):
    """The events. journald's catalog and people's queries rely on the ids."""

    # The daemon
    STARTING = Kind(
        "cce22aecedf549659506c09c888d9ac0",
        logging.INFO,
        "watcherd {version} is starting[ with the model {model}], for {folders}",
    )
    READY = Kind("77fed9d4d824412e9aabfe26c7535c3c", logging.INFO, "ready")
    STOP_ASKED = Kind("aa409793189348dca62d8a6d761ee79b", logging.INFO, "{signal} received")
    STOPPING = Kind("f4575d9b8dc84eac8ff65d55d3296c02", logging.INFO, "stopping[: {why}]")
    STOPPED = Kind("13591fe6603d4a4e91de7372fce78e9b", logging.INFO, "stopped")
    CONFIG_RELOADED = Kind("481db63c0b054e96bfa7d8f20049c487", NOTICE, "the configuration is read again and applied")
    CONFIG_REFUSED = Kind(
        "b323f019a9614203a47f1f5ce41081ae",
        logging.ERROR,
        "the new configuration is refused, and the old one stays: {error}",
        remedy="Correct the file and reload again",
    )

    PAUSED = Kind(
        "de1e8ed383f845a6acee42b1a10a63c3",
        NOTICE,
        "paused[ until {until}]: the engine is ended, and nothing is transcribed",
        remedy="Go on with: watcherd resume",
    )
    RESUMED = Kind("f3221994e1f44328b592ec839944ebe5", NOTICE, "the pause is over, and the work goes on")

    # The folders
    ROOT_WATCHED = Kind("2ac53749b9d0435aa2fc4eb42ceffd0d", logging.INFO, "{root}: watched by {mode}[, {why}]")
    ROOT_OFFLINE = Kind(
        "dc3edbd64d384193bf3be551f4aa5cf3",
        logging.WARNING,
        "{root}: offline, {why}; nothing is changed, and work goes on when it is back",
    )
    ROOT_ONLINE = Kind("2bd5da02a6f0401ea19630e5fc0161d2", NOTICE, "{root}: online again")
    SCANNED = Kind("6ccd4b67211a4322a239c53effd16c04", logging.INFO, "{root}: looked through[, {recordings} there]")
    WATCH_LIMIT = Kind("e509115d19ed428191790158f1e1dcdb", logging.WARNING, "{root}: {why}. {how}")

    # The engine
    MODEL_LOADING = Kind("4df2069abff949e3ab1049bc86fa6f2b", logging.INFO, "loading the model {model}")
    MODEL_LOADED = Kind(
        "f25b721437434fa88cfec1776e13c463",
        logging.INFO,
        "the model {model} is ready on {device} as {dtype}, loaded in {elapsed_s}",
    )
    MODEL_FAILED = Kind(
        "b71a117261fc4cf6836c79346cbf076c",
        logging.ERROR,
        "[the model {model} cannot be loaded: ]{error}",
        remedy="See what is missing: watcherd check",
    )
    ENGINE_DIED = Kind(
        "4f303c2ffb87494b9bd5cb1d2608d0b3",
        logging.WARNING,
        "the engine {how}[ while it had {paths} in hand][, attempt {attempt} of {attempts}]",
    )
    ENGINE_STALLED = Kind(
        "95c6cf3b701c44ebb783397a68aabac5",
        logging.WARNING,
        "the engine has not been heard of for {elapsed_s} and is started anew",
    )
    ENGINE_UNLOADED = Kind(
        "8b0500d266a64e9b8a6bd74b77f8e52c",
        logging.INFO,
        "nothing to do[ for {elapsed_s}]: the model[ {model}] is unloaded",
    )

    VOCABULARY_CUT = Kind(
        "efda989aa2259c842d453f93f41af43d",
        logging.WARNING,
        "{root}: of the {entries} entries of its vocabulary the model {model} takes {used}",
        remedy="Put the most important first; a Whisper model takes about 223 tokens of them, other families none",
    )

    # A recording
    FOUND = Kind(
        "4ee8429d7a674e0ab5874fe87f69d60f", logging.INFO, "{path}: found, waiting for its turn", state=State.PENDING
    )
    CUT_OFF = Kind(
        "0ab9bfd7a0144ea4a8518203653cfd7c",
        logging.INFO,
        "{path}: its end seems to be missing ({why}), and nobody can say whether somebody is still writing it; "
        "it waits a few minutes for the rest",
    )
    IGNORED = Kind("005e93a55afe4c6eb0ba5300851e8c7b", logging.DEBUG, "{path}: ignored, {why}")
    KNOWN_CONTENT = Kind(
        "66b373f55b4a4fae88ce652a922fb5de",
        logging.INFO,
        "{path}: known already[ as {old_path}][ ({state})], not transcribed twice",
    )
    GONE = Kind("22b3f7e593a4407ba072a89f962fdc68", logging.INFO, "{path}: gone")
    STARTED = Kind("35ed4129bc604543b3096526f377b738", logging.INFO, "{path}: started", state=State.RUNNING)
    PROGRESS = Kind("16adf946760d487aa023d6ec7815cae9", logging.DEBUG, "{path}: {progress}", state=State.RUNNING)
    TRANSCRIBED = Kind(
        "0a0895abe82b41b8b60868d42ae97f1b",
        logging.INFO,
        "{path}: transcribed, {audio_ms} of audio in {elapsed_s}[ ({speed} x realtime)]",
        state=State.TRANSCRIBED,
    )
    DONE = Kind(
        "b0df51ce52504cdebf7c75a59134bbd4",
        NOTICE,
        "{path}: done[, {audio_ms} of audio][ in {elapsed_s}][ ({speed} x realtime)], wrote {sidecars}",
        state=State.DONE,
    )
    NO_SPEECH = Kind(
        "34ab980f57a94051b1a4c95f9550ccb1",
        NOTICE,
        "{path}: nobody speaks[ in {audio_ms} of audio], wrote {sidecars}",
        state=State.NO_SPEECH,
    )
    RETRY = Kind(
        "0025c1f31d9f45459506a038a3672222",
        logging.WARNING,
        "{path}: [attempt {attempt}: ]{error}; it is tried again[ in {retry_in_s}]",
        state=State.RETRY,
    )
    BLOCKED = Kind(
        "1d7bb3f58cc548aa8a7be2cc57223397",
        logging.ERROR,
        "{path}: blocked, {error}",
        state=State.BLOCKED,
        remedy="It is tried again by itself when that is put right",
    )
    FAILED = Kind(
        "3054f5dd80834aa48242b5a7085148ce",
        logging.ERROR,
        "{path}: failed, {error}",
        state=State.FAILED,
        remedy="Play it to see whether it is damaged; a repaired copy in its place is done by itself",
    )
    CHANGED = Kind(
        "98ef89a1a5cb4975a45eff5cdef83652",
        logging.INFO,
        "{path}: changed while it was read, looked at anew when it has settled",
    )
    INCOMPLETE = Kind(
        "a46f0c29fd354fc4a6e7bbca6a5a1a55",
        logging.WARNING,
        "{path}: transcribed as far as it can be read, {why}",
        remedy="Copy it again from its source if it should be whole",
    )
    LANGUAGE_SUSPECT = Kind(
        "5e2b67873e7349d088d9d3bce4786539",
        logging.WARNING,
        "{path}: does not sound like {language}, so what was written may not be what was said",
        remedy="Where it is another language, choose a model of many languages, such as "
        "openai/whisper-large-v3-turbo, and that language or auto; then: watcherd redo",
    )
    SIDECAR_KEPT = Kind(
        "078babb610d044e294a7b8a0dc21b4b2",
        NOTICE,
        "{path}: {sidecar} is not from watcherd, or was edited, and stays as it is",
    )
    SIDECAR_STAYS_DELETED = Kind(
        "cea187f6aade488cb44f485d07e45dcb", logging.INFO, "{path}: {sidecar} was deleted and stays so"
    )


def log(event: Event, **facts: Unpack[Facts]) -> None:
    """Tell that something has happened: a line for people, and fields for queries."""
    level = event.value.level
    if _log.isEnabledFor(level):
        _log.log(level, message(event, facts), extra=fields(event, facts), stacklevel=2)


def message(event: Event, facts: Facts) -> str:
    """The sentence, with the remedy behind it. A fact that should be told and is not shows as "?"."""
    kind = event.value
    error = facts.get("error")
    words = _words(facts)
    text = _OPTIONAL.sub(lambda part: part[1] if _placeholders(part[1]) <= words.keys() else "", kind.text)
    remedy = (error.remedy if error is not None else "") or kind.remedy
    said = text.format_map(words)
    return f"{said}. {remedy}" if remedy else said


def fields(event: Event, facts: Facts) -> dict[str, object]:
    """The fields of the journal: paths as the file system's bytes, a tuple for a field that comes several times."""
    kind = event.value
    found: dict[str, object] = {"MESSAGE_ID": kind.message_id}
    if kind.state is not None:
        found["WATCHERD_STATE"] = kind.state.value
    for name, value in facts.items():
        if value is not None and name in _FIELDS:
            field, convert = _FIELDS[name]
            found[field] = convert(value)
    if "path" in facts and (old_path := facts.get("old_path")) is not None:
        # The event is a part of both stories.
        found["WATCHERD_PATH"] = _several([facts["path"], old_path])
    if (speed := _speed(facts)) is not None:
        found["WATCHERD_RTF"] = f"{1 / speed:.4f}"
    if "error" in facts and isinstance(facts["error"].__cause__, OSError):
        found["ERRNO"] = facts["error"].__cause__.errno
    return found


def told(event: Event) -> frozenset[str]:
    """The facts without which the event's sentence has a hole."""
    return frozenset(_placeholders(_OPTIONAL.sub("", event.value.text)))


_OPTIONAL: Final = re.compile(r"\[([^]]*)\]")


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def _speed(facts: Facts) -> float | None:
    """Seconds of audio per second of work."""
    work_s = facts.get("compute_s") or facts.get("elapsed_s")
    audio_ms = facts.get("audio_ms")
    return audio_ms / 1000 / work_s if audio_ms and work_s else None


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _words(facts: Facts) -> _Words:
    """The facts as they stand in a sentence."""
    given: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
    words = _Words(
        {name: _WORDS[name](value, given) if name in _WORDS else _plain(value) for name, value in given.items()}
    )
    if (speed := _speed(facts)) is not None:
        words["speed"] = f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"  # noqa: PLR2004  two digits at least
    return words


def _plain(value: object) -> str:
    return printable(str(value))


def _recording(path: Path, facts: Mapping[str, Any]) -> str:
    root: Path | None = facts.get("root")
    return printable(path.relative_to(root) if root is not None and path.is_relative_to(root) else path)


def _sidecars(paths: Iterable[Path], facts: Mapping[str, Any]) -> str:
    return ", ".join(_sidecar(path, facts) for path in paths) or "nothing"


def _sidecar(path: Path, facts: Mapping[str, Any]) -> str:
    recording: Path | None = facts.get("path")
    return printable(path.name if recording is not None and path.parent == recording.parent else path)


def _paths(paths: Iterable[Path], facts: Mapping[str, Any]) -> str:
    return ", ".join(_recording(path, facts) for path in paths) or "nothing"


def _count(number: int, _: Mapping[str, Any]) -> str:
    return "1 recording" if number == 1 else f"{number} recordings"


def _error(error: WatcherdError, _: Mapping[str, Any]) -> str:
    lines = [line.rstrip() for line in error.problem.split("\n") if line.strip()]
    # A configuration's complaints are a list; what else has lines is output of other programs.
    return "\n".join(map(printable, lines)) if isinstance(error, ConfigError) else printable("; ".join(lines))


_WORDS: Final[dict[str, Callable[[Any, Mapping[str, Any]], str]]] = {
    "audio_ms": lambda ms, _: duration(ms / 1000),
    "elapsed_s": lambda seconds, _: duration(seconds),
    "error": _error,
    "folders": _paths,
    "language": lambda code, _: LANGUAGES.get(code, code).title(),
    "old_path": _recording,
    "path": _recording,
    "paths": _paths,
    "progress": lambda progress, _: f"{math.floor(progress * 100)} %",
    "recordings": _count,
    "retry_in_s": lambda seconds, _: duration(seconds),
    "sidecar": _sidecar,
    "sidecars": _sidecars,
    "until": lambda until, _: moment(until, datetime.now(UTC)),
}
"""How facts are said that are more than text."""


def _several(paths: Iterable[Path]) -> tuple[bytes, ...]:
    return tuple(map(os.fsencode, paths))


_FIELDS: Final[dict[str, tuple[str, Callable[[Any], object]]]] = {
    "attempt": ("WATCHERD_ATTEMPT", int),
    "audio_ms": ("WATCHERD_AUDIO_USEC", lambda ms: ms * 1000),
    "device": ("WATCHERD_DEVICE", str),
    "elapsed_s": ("WATCHERD_ELAPSED_USEC", lambda seconds: round(seconds * 1_000_000)),
    "error": ("WATCHERD_ERROR_CLASS", lambda error: error.error_class.value),
    "language": ("WATCHERD_LANGUAGE", str),
    "model": ("WATCHERD_MODEL", str),
    "path": ("WATCHERD_PATH", os.fsencode),
    "paths": ("WATCHERD_PATH", _several),
    "root": ("WATCHERD_ROOT", os.fsencode),
    "sidecar": ("WATCHERD_SIDECAR", os.fsencode),
    "sidecars": ("WATCHERD_SIDECAR", _several),
    "state": ("WATCHERD_STATE", str),
}
"""The facts that become fields, under the names that they have there."""

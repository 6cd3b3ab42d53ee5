"""The values that config.toml may hold beyond TOML's own types: durations, paths, languages, devices, patterns."""

import difflib
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationInfo

from watcherd.config.complaints import wrong
from watcherd.config.languages import CODES_BY_NAME, LANGUAGES, language_code
from watcherd.config.patterns import compiled
from watcherd.names import printable

FORMATS: Final = ("srt", "vtt", "txt", "json", "tsv", "lrc", "md")
"""The sidecars that can be asked for."""

DEFAULT_FORMATS: Final = ("srt", "txt")
"""Those that are written where nobody asks."""

SPEAKERS: Final = ("Left", "Right")
"""What the speakers of split channels are called unless they have names."""

LONGEST_NAME: Final = 30
"""Characters of a speaker's name; more leave no room in a subtitle."""

MOST_ENTRIES: Final = 111
"""Of a vocabulary: no Whisper reads more than 223 tokens before a window, and an entry takes two with its comma."""

LONGEST_ENTRY: Final = 60
"""Characters of an entry of a vocabulary."""

MOST_SECONDS: Final = 7 * 24 * 3600.0
"""A week. Longer waits are slips of the pen, and past 24 days ``epoll`` refuses them."""

LEAST_STALL_S: Final = 10.0
"""An engine without work is heard of every 5 s."""

BASE_FOLDER: Final = "base_folder"
"""The key of pydantic's validation context under which the folder for relative paths stands."""

_DURATION: Final = re.compile(
    r"(?=.)(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION_REMEDY: Final = 'Write hours, minutes, seconds or milliseconds, such as "5s", "1m30s", "2h" or "500ms"'
_DEVICE: Final = re.compile(r"auto|cpu|cuda(?::\d+)?", re.ASCII)
_LEDGER_EXAMPLE: Final = 'path = "/var/lib/watcherd/ledger.sqlite3"'
_FORMATS_REMEDY: Final = f"Write one or more of {', '.join(map(json.dumps, FORMATS))}"
_SHOWN: Final = 60


def shown(value: object) -> str:
    """The value nearly as it stands in the file, cut to one short line."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def seconds(value: object) -> float:
    """A duration in seconds, from ``"1m30s"`` or from a plain number of seconds.

    >>> seconds("1m30s"), seconds("500ms"), seconds(5)
    (90.0, 0.5, 5.0)
    """
    duration = _parsed_seconds(value) if isinstance(value, str) else value
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not duration >= 0:
        raise wrong(f"{shown(value)} is not a duration", _DURATION_REMEDY)
    if duration > MOST_SECONDS:
        raise wrong(f"{shown(value)} is longer than a week", 'Write at most "168h"')
    return float(duration)


def _parsed_seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    return sum(float(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number is not None)


def seconds_or_never(value: object) -> float | None:
    """A duration in seconds; None for ``"never"``."""
    if value is None or value == "never":
        return None
    if isinstance(value, str) and value.casefold() == "never":
        raise wrong(f"{shown(value)} is not a duration", 'Write "never" in small letters')
    return seconds(value)


def stall_timeout(value: object) -> float | None:
    """Seconds without a sign of life; None for ``"auto"``, which goes by the length of the work."""
    if value is None or value == "auto":
        return None
    timeout_s = seconds(value)
    if timeout_s < LEAST_STALL_S:
        raise wrong(f"{shown(value)} is shorter than the pauses of a healthy engine", 'Write "auto", or "10s" or more')
    return timeout_s


def batch_size(value: object) -> int | Literal["auto"]:
    """How many windows go through the model at once."""
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(f"{shown(value)} is not a batch size", 'Write "auto" or a whole number from 1 on, such as 8')
    return value


def device(value: str) -> str:
    """A device as PyTorch names it, or ``"auto"``."""
    if _DEVICE.fullmatch(value) is None:
        raise wrong(
            f"{shown(value)} is not a device",
            'Write "auto", "cpu", "cuda" or, with the number of the GPU, "cuda:1" (PyTorch calls an AMD GPU cuda, too)',
        )
    return value


def language_or_auto(value: str) -> str:
    """``"auto"``, or one of Whisper's language codes."""
    if value.strip().casefold() == "auto":
        return "auto"
    code = language_code(value)
    if code is not None:
        return code
    # "en-US" and "pt_BR" are clear enough to name the code that is meant.
    plain = re.split("[-_]", value.strip().casefold())[0]
    near = [plain] if plain in LANGUAGES else difflib.get_close_matches(value.casefold(), CODES_BY_NAME, n=1)
    if near:
        code = CODES_BY_NAME.get(near[0], near[0])
        remedy = f"Did you mean {shown(code)} ({LANGUAGES[code]})?"
    else:
        remedy = 'Write "auto" or a code such as "en", "de" or "es"'
    raise wrong(f"{shown(value)} is not a language that Whisper knows", remedy)


def sidecar_format(value: str) -> str:
    """The name of a sidecar format."""
    if value not in FORMATS:
        near = difflib.get_close_matches(value.casefold().removeprefix("."), FORMATS, n=1)
        remedy = f"Did you mean {shown(near[0])}?" if near else _FORMATS_REMEDY
        raise wrong(f"{shown(value)} is not a sidecar format", remedy)
    return value


def sidecar_formats(value: tuple[str, ...]) -> tuple[str, ...]:
    """At least one format, none of them twice."""
    if not value:
        raise wrong("no sidecar format is left", _FORMATS_REMEDY)
    if len(set(value)) < len(value):
        raise wrong(f"{shown(value)} names a format twice", "Name each one once")
    return value


def speakers(value: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the left and the right side of a call."""
    names = tuple(name.strip() for name in value)
    if len(names) != len(SPEAKERS) or not all(0 < len(name) <= LONGEST_NAME and name.isprintable() for name in names):
        raise wrong(
            f"{shown(value)} does not name two speakers", 'Write two short names, left first, such as ["Me", "Caller"]'
        )
    return names


def vocabulary(value: tuple[str, ...]) -> tuple[str, ...]:
    """Names and jargon as they are to be written, in composed characters, as models have learned them."""
    entries = tuple(unicodedata.normalize("NFC", entry.strip()) for entry in value)
    if len(entries) > MOST_ENTRIES:
        raise wrong(
            f"{len(entries)} entries are more than any model takes",
            f"Keep the most important, {MOST_ENTRIES} at most; the first ones count most",
        )
    for entry in entries:
        if not entry.isprintable() or not any(character.isalnum() for character in entry):
            raise wrong(f"{shown(entry)} is not a word", 'Write words or names, such as ["Kowalczyk", "Grafana"]')
        if "," in entry:
            raise wrong(
                f"{shown(entry)} has a comma, which stands between entries",
                f"Write {json.dumps([part.strip() for part in entry.split(',') if part.strip()], ensure_ascii=False)}",
            )
        if len(entry) > LONGEST_ENTRY:
            raise wrong(
                f"{shown(entry)} is too long", f"Write single names and terms, of {LONGEST_ENTRY} characters at most"
            )
    if twice := [entry for place, entry in enumerate(entries) if entry in entries[:place]]:
        raise wrong(f"{shown(twice[0])} is there twice", "Name each entry once")
    return entries


def pattern(value: str) -> str:
    """A glob for paths relative to the watched folder."""
    parts = value.split("/")
    if not value.strip() or "\0" in value:
        raise wrong(f"{shown(value)} is not a pattern", 'Write one such as "drafts/**" or "*.tmp.wav"')
    if value.startswith(("/", "~/")) or ".." in parts:
        raise wrong(
            f"{shown(value)} can match nothing: patterns are relative to the watched folder",
            'Write one such as "drafts/**"',
        )
    try:
        compiled([value])
    except ValueError as error:
        raise wrong(
            f"{shown(value)} cannot be understood: nothing may end with a backslash, and [ needs its ]",
            'Write one such as "drafts/**" or "*.tmp.wav", with a backslash before a character that means itself',
        ) from error
    return value


def as_tuple(value: object) -> object:
    """TOML's arrays as tuples; anything else goes on to be refused."""
    return tuple(value) if isinstance(value, list) else value


def folder(value: object, info: ValidationInfo) -> Path:
    """A watched folder, absolute; whether it is there is checked elsewhere."""
    return absolute(value, _base_folder(info))


def output_folder(value: object, info: ValidationInfo) -> Path:
    """A folder for sidecars, absolute; whether it is there is checked elsewhere."""
    return absolute(value, _base_folder(info), 'output_dir = "~/Transcripts"')


def ledger_file(value: object, info: ValidationInfo) -> Path:
    """The ledger's database, absolute; an empty text means the state directory."""
    return ledger_path(value, _base_folder(info))


def ledger_path(value: object, base_folder: Path) -> Path:
    """As ``ledger_file``, for relative paths that start from ``base_folder``."""
    if value != "":
        return absolute(value, base_folder, _LEDGER_EXAMPLE)
    state = state_directory(os.environ)
    if state is None:
        raise wrong("this user has no home folder that could hold the ledger", f"Write {_LEDGER_EXAMPLE}")
    return state / "ledger.sqlite3"


def absolute(value: object, base_folder: Path, example: str = 'path = "~/Sync/Recordings"') -> Path:
    """A path with ``~`` expanded, made absolute from ``base_folder``; ``example`` shows how to write one."""
    if not isinstance(value, str | Path):
        raise wrong(f"{shown(value)} is not a path", f"Write it in quotes, as in {example}")
    text = str(value)
    if not text.strip() or "\0" in text:
        raise wrong(f"{shown(text)} is not a path", f"Write one, as in {example}")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise wrong(f"the home folder that {shown(text)} means is not known", "Write the whole path") from None
    # normpath, not resolve: messages and sidecars keep the names that the user gave to the folders.
    return Path(os.path.normpath(base_folder / path))


def _base_folder(info: ValidationInfo) -> Path:
    return info.context[BASE_FOLDER] if info.context else Path.cwd()


def model_id(value: str, info: ValidationInfo) -> str:
    """A Hub id, ``packaged:NAME``, or a folder; one that is written as such (``~/…``, ``./…``) becomes absolute."""
    if not value or value != value.strip() or "\0" in value:
        raise wrong(f"{shown(value)} is not a model", 'Write a Hub id, a folder, "packaged:base" or "packaged:tiny.en"')
    if value.startswith(("~", "./", "../")) or value in {".", ".."}:
        return str(absolute(value, _base_folder(info), 'id = "/srv/models/whisper-small"'))
    return value


def state_directory(environ: Mapping[str, str]) -> Path | None:
    """Where the daemon keeps what must survive; None where neither systemd, XDG nor a home folder says so."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd separates several directories by colons
    return xdg_directory(environ, "XDG_STATE_HOME", ".local/state")


def xdg_directory(environ: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    """The directory of watcherd by the XDG base directory specification, which says to ignore relative paths."""
    given = Path(environ.get(variable, ""))
    if given.is_absolute():
        return given / "watcherd"
    try:
        return Path(environ.get("HOME") or "~").expanduser() / below_home / "watcherd"
    except RuntimeError:
        return None

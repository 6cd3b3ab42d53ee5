"""What a sidecar is called: by its recording, so that players and people find it."""

import os
import unicodedata
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

NAME_MAX: Final = 255
"""Bytes; what nearly all file systems allow."""

_SECOND: Final = 2


def candidates(recording: Path, ending: str, name_max: int = NAME_MAX) -> Iterator[str]:
    """The names that the sidecar of a recording may get, without end, the best first.

    A name may belong to another recording already: ``a.mp3`` and ``a.wav`` both want ``a.srt``. So the second best has
    the whole name of the recording, and those after it a number, which matters where long names have to be cut.

    Args:
        recording: only its name counts.
        ending: without its first full stop; a subtitle's may begin with its language, as in "en.srt".
        name_max: bytes that a name may have.

    >>> names = candidates(Path("talk.wav"), "srt")
    >>> next(names), next(names), next(names)
    ('talk.srt', 'talk.wav.srt', 'talk.wav.2.srt')
    """
    yield _cut(recording.stem, f".{ending}", name_max)
    yield _cut(recording.name, f".{ending}", name_max)
    for number in count(_SECOND):
        yield _cut(recording.name, f".{number}.{ending}", name_max)


def variants(sidecar_name: str, ending: str, name_max: int = NAME_MAX) -> Iterator[str]:
    """The names beside a sidecar that has become the user's, for a new transcription that must not replace it.

    >>> next(variants("talk.srt", "srt"))
    'talk.watcherd-2.srt'
    """
    stem = sidecar_name.removesuffix(f".{ending}")
    for number in count(_SECOND):
        yield _cut(stem, f".watcherd-{number}.{ending}", name_max)


def _cut(stem: str, ending: str, name_max: int) -> str:
    """Stem and ending in at most ``name_max`` bytes; the stem loses whole characters, with their combining marks."""
    room = name_max - len(os.fsencode(ending))
    size = 0
    for end, character in enumerate(stem):
        size += len(os.fsencode(character))
        if size > room:
            return _without_torn_character(stem, end) + ending
    return stem + ending


def _without_torn_character(stem: str, end: int) -> str:
    """The first ``end`` characters, and fewer where the cut would leave a letter without its marks."""
    while end > 1 and (unicodedata.combining(stem[end]) or stem[end] == "\u200d" or stem[end - 1] == "\u200d"):
        end -= 1
    return stem[:end]


def same_to_some_file_system(name: str, other: str) -> bool:
    """Whether a file system that ignores case, or that normalises Unicode, may take the two for one name."""
    return _folded(name) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

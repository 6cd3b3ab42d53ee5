"""Speech with known words: recordings from a folder that lists them, telephone prompts, or sentences of espeak-ng."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.prompts import SHARE, prompts
from watcherd.engine.samples import SAMPLES_PER_S, Samples

HERE: Final = Path(__file__).parent

FOLDER_VARIABLE: Final = "WATCHERD_SPEECH"
"""Names the folder of labelled recordings; the tests look for them there, too."""

DEFAULT_FOLDER: Final = HERE.parents[1] / "shared" / "speech"

VOICES: Final = {"en": ("en-gb", "en-us"), "de": ("de",), "es": ("es", "es-419")}
"""espeak-ng's, for each language that there are sentences of. Its variants of a voice are hard even for people."""

WORDS_PER_MINUTE: Final = (140, 155, 170)

_ROW: Final = re.compile(r"^\|\s*(?P<file>[^|]+?)\s*\|\s*(?P<words>[^|]+?)\s*\|")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Somebody says something."""

    samples: Samples
    words: str


@dataclass(frozen=True, slots=True)
class Speech:
    """Clips of one language."""

    clips: tuple[Clip, ...]
    language: str
    source: str
    """For a table's caption. What is synthesised says less about a recognizer than what people say."""


def speech(language: str, folder: Path | None = None, share: Path = SHARE) -> Speech:
    """The labelled recordings of a language and the installed prompts; where there are neither, synthesised sentences.

    Args:
        language: an ISO 639-1 code.
        folder: has a README.md with a table of its files and their words; English stands in the folder itself, every
            other language in a folder of its name below. By default what ``WATCHERD_SPEECH`` names.
        share: where the packages of prompts put their files.
    """
    folder = folder or Path(os.environ.get(FOLDER_VARIABLE, DEFAULT_FOLDER))
    recorded = _recorded(folder if language == "en" else folder / language)
    prompted = tuple(Clip(_decoded(("-i", str(file))), words) for file, words in prompts(language, share).items())
    kinds = (("recorded speech", recorded), ("telephone prompts", prompted))
    if said := [f"{kind} ({len(clips)} clips)" for kind, clips in kinds if clips]:
        return Speech(recorded + prompted, language, " and ".join(said))
    return Speech(_synthesised(language), language, "speech synthesised by espeak-ng")


def _recorded(folder: Path) -> tuple[Clip, ...]:
    table = folder / "README.md"
    if not table.is_file():
        return ()
    rows = (_ROW.match(line) for line in table.read_text("utf-8").splitlines())
    return tuple(
        Clip(_decoded(("-i", str(folder / row["file"]))), row["words"])
        for row in rows
        if row and (folder / row["file"]).is_file()
    )


def _synthesised(language: str) -> tuple[Clip, ...]:
    """Every sentence once, voices and speeds in turn."""
    if language not in VOICES:
        raise FileNotFoundError(
            f"no speech in {language} is here: apt-get install asterisk-core-sounds-{language}{{,-g722}}"
        )
    sentences = (HERE / "texts" / f"{language}.txt").read_text("utf-8").splitlines()
    voices = VOICES[language]
    return tuple(
        Clip(_spoken(text, voices[index % len(voices)], WORDS_PER_MINUTE[index % len(WORDS_PER_MINUTE)]), text)
        for index, text in enumerate(sentences)
    )


def _spoken(text: str, voice: str, words_per_minute: int) -> Samples:
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdin", "--stdout"]
    wav = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    return _decoded(("-i", "pipe:0"), wav)


def _decoded(source: tuple[str, ...], data: bytes = b"") -> Samples:
    target = ("-ac", "1", "-ar", str(SAMPLES_PER_S), "-f", "f32le", "pipe:1")
    command = ["ffmpeg", "-v", "error", *source, *target]
    return np.frombuffer(subprocess.run(command, input=data, capture_output=True, check=True).stdout, np.float32)

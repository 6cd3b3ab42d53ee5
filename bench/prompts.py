"""Human voices with known words in five languages: the prompts that Debian packages for the Asterisk telephone system.

``asterisk-core-sounds-LANGUAGE-g722`` has one speaker at 16 kHz, ``asterisk-core-sounds-LANGUAGE`` has the words. They
are Digium's, under CC BY-SA 3.0, are read where they are installed and are no part of this project.
"""

import gzip
import re
from pathlib import Path
from typing import Final

SHARE: Final = Path("/usr/share")

VOICES: Final = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}

LEAST_WORDS: Final = 5
"""A recognizer is not judged by bits of sentences that are only said one after another."""

FASTEST: Final = 23.0
"""Letters and blanks a second. More of them stand in the lists beside beeps, beside sentences that their speakers left
out, and where a line has run into the next one; the quickest of what is said has 22.7."""

BYTES_PER_S: Final = 8000
"""Of G.722."""

_UNSPOKEN: Final = re.compile(r'[\[\](){}<>/"*#\d]|\b[A-Z] [A-Z]\b')
"""What stands in the lists for tones, keys and remarks, and what can be written in two ways: figures and letters."""

_MISSPELT: Final = {"Un-indentified or witheld": "Unidentified or withheld", "represenatives": "representatives"}
"""In the English list; a recognizer that writes what is said would be charged with it."""


def prompts(language: str, share: Path = SHARE) -> dict[Path, str]:
    """The installed prompts that are sentences, each sentence once, and their words; none where none are installed."""
    listed = share / "doc" / f"asterisk-core-sounds-{language}" / f"core-sounds-{language}.txt.gz"
    if language not in VOICES or not listed.is_file():
        return {}
    folder = share / "asterisk" / "sounds" / VOICES[language]
    text = gzip.decompress(listed.read_bytes()).decode("utf-8")
    for wrong, right in _MISSPELT.items():
        text = text.replace(wrong, right)
    named = (line.partition(": ") for line in text.splitlines() if not line.startswith(";"))
    files = {words.strip(): folder / f"{name}.g722" for name, _, words in named}
    return {
        file: words
        for words, file in files.items()
        if len(words.split()) >= LEAST_WORDS and not _UNSPOKEN.search(words) and file.is_file() and _fits(words, file)
    }


def _fits(words: str, file: Path) -> bool:
    return len(words) / FASTEST <= file.stat().st_size / BYTES_PER_S

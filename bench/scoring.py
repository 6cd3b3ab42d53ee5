"""How good a transcript is: its word error rate, and how much of it was invented where nobody speaks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import jiwer
from num2words import num2words
from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

from bench.tape import Tape
from bench.timed import Timed

NEAR_S: Final = 1.0
"""Timestamps are that far off at times, which makes no word an invented one."""

UNACCENTED: Final = frozenset({"es", "fr"})
"""Languages whose prompts were written down without many of their accents: "boite" stands beside "boîte"."""

_FIGURES: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of words; those of several tapes add up."""

    reference: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    in_non_speech: int = 0
    """Wrong words in stretches whose middle lies where nobody speaks."""

    @property
    def wer(self) -> float:
        """The word error rate, 0.05 for 5 %."""
        return (self.substituted + self.deleted + self.inserted) / self.reference

    def __add__(self, other: Self) -> "Score":
        return Score(
            self.reference + other.reference,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
            self.in_non_speech + other.in_non_speech,
        )


def score(transcript: Sequence[Timed], tape: Tape, language: str) -> Score:
    """Compare a transcript with what is said on a tape, after Whisper's normalisation of both.

    A word counts as one in non-speech where it is wrong *and* timed where nobody speaks: a genuine word with a wrong
    time is not invented, and a misheard word under somebody's voice is an error of another kind.
    """
    words: list[str] = []
    silent: list[bool] = []
    for stretch in sorted(transcript, key=lambda stretch: stretch.start_s):
        found = _normalised(stretch.text, language).split()
        words += found
        silent += [not _is_spoken((stretch.start_s + stretch.end_s) / 2, tape)] * len(found)
    aligned = jiwer.process_words(_normalised(tape.words, language), " ".join(words))
    wrong_places = [
        place
        for chunk in aligned.alignments[0]
        if chunk.type in {"insert", "substitute"}
        for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx)
    ]
    return Score(
        reference=aligned.hits + aligned.substitutions + aligned.deletions,
        substituted=aligned.substitutions,
        deleted=aligned.deletions,
        inserted=aligned.insertions,
        in_non_speech=sum(silent[place] for place in wrong_places),
    )


def _is_spoken(time_s: float, tape: Tape) -> bool:
    return any(start - NEAR_S <= time_s <= end + NEAR_S for start, end in tape.spoken)


def _normalised(text: str, language: str) -> str:
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if language != "en":  # the English normaliser makes figures of the words
        plain = _FIGURES.sub(lambda figures: f" {num2words(int(figures[0]), lang=language)} ", plain)
    return str(_normalizer(language)(plain))


@cache
def _normalizer(language: str) -> BasicTextNormalizer | EnglishTextNormalizer:
    if language == "en":
        # Knows contractions, titles and numbers; its table of British spellings comes with the model only and would
        # change reference and transcript alike.
        return EnglishTextNormalizer({})  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return BasicTextNormalizer(remove_diacritics=language in UNACCENTED)

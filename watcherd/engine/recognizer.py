"""The recognizer's interface: windows of speech in, readings out; one file beside this for each model family."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from watcherd.engine.samples import Samples

if TYPE_CHECKING:  # PyTorch takes seconds, and who speaks of readings does not need it
    from watcherd.engine.devices import Placement


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word inside one window, with the marks around it."""

    start_s: float
    end_s: float
    text: str
    """With the blank before it, where there is one: a phrase's words joined are its text."""
    probability: float
    """0..1, the mean of its tokens'."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of text that the model timed inside one window."""

    start_s: float
    end_s: float
    text: str
    """Without surrounding blanks."""
    words: tuple[HeardWord, ...] = ()
    """In order, none of them beginning before the one before it ends; empty where the model gives no word times."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model read in one window."""

    phrases: tuple[Phrase, ...]
    read_until_s: float
    """Where the model says that it stopped; speech after it has not been read."""
    avg_logprob: float
    """Mean natural-log probability of the chosen tokens: near 0 is sure, below -1 is guessing."""
    no_speech_prob: float | None = None
    """How probable the model finds it that nobody speaks; None for a model that does not say."""
    language_prob: float | None = None
    """How probable the model finds the language that it was told; None for a model of one language."""
    token_compression: float | None = None
    """How many times smaller zlib makes the text's token ids, two bytes each; None for a model without tokens."""

    @property
    def text(self) -> str:
        """All phrases, joined by blanks."""
        return " ".join(phrase.text for phrase in self.phrases)

    @property
    def compression(self) -> float:
        """How many times smaller zlib makes the text; above 2.4 it repeats itself (Radford et al. 2022, 4.5)."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data)) if data else 0.0


@dataclass(frozen=True, slots=True)
class Hints:
    """What a recognizer is told of a window before it reads it."""

    language: str
    """An ISO 639-1 code; empty where none is configured and the model cannot tell."""
    vocabulary: tuple[str, ...] = ()
    """Names and jargon that may be said, as they are to be spelled: no more than ``Recognizer.usable`` left of them."""


class Recognizer(Protocol):
    """A model, resident on its device."""

    placement: "Placement"
    batch_size: int
    """How many windows one call of ``read`` takes at most."""
    languages: tuple[str, ...]
    """ISO 639-1 codes that the model tells apart; exactly one for a model of one language, none where it is not known
    which languages it writes."""

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        """The language that these windows of one recording are most likely spoken in; None where it cannot tell."""
        ...

    def usable(self, vocabulary: Sequence[str]) -> tuple[str, ...]:
        """The entries from the front of a vocabulary that the model can be told; none where its family takes none."""
        ...

    def read(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        """Recognise independent windows of at most 30 s, each with what is known of it, in one batch.

        Raises:
            OutOfMemoryError: the device cannot hold even a single window.
        """
        ...

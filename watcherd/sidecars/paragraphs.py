"""A transcript in paragraphs, for those who read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.breaks import ends_sentence
from watcherd.sidecars.scripts import glue
from watcherd.transcript import Segment

PARAGRAPH_PAUSE_MS: Final = 2_000
"""A longer silence after a sentence begins a new paragraph."""

LONG_PAUSE_MS: Final = 5_000
"""A longer silence begins a new paragraph wherever it is."""

PARAGRAPH_LENGTH: Final = 700
"""Characters, after which the next sentence begins a new paragraph."""

LONGEST_PARAGRAPH: Final = 2_000
"""Characters, after which the next segment begins a new paragraph: some languages and some speakers end no sentence."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What one person says about one thing, on one line."""

    start_ms: int
    speaker: str | None
    """None where it is not known."""
    text: str


def paragraphs(segments: Sequence[Segment]) -> list[Paragraph]:
    """The segments joined: a new paragraph begins after a pause, after many words, and with another speaker."""
    spoken = [(segment, text) for segment in segments if (text := " ".join(plain_words(segment.text)))]
    found = [_Draft(segment, text) for segment, text in spoken[:1]]
    for (before, said), (segment, text) in pairwise(spoken):
        pause_ms = segment.start_ms - before.end_ms
        sentence_ended = ends_sentence(said.rpartition(" ")[2], text)
        if segment.speaker != before.speaker or found[-1].is_over(pause_ms, sentence_ended=sentence_ended):
            found.append(_Draft(segment, text))
        else:
            found[-1].add(glue(said, text) + text)
    return [Paragraph(draft.first.start_ms, draft.first.speaker, "".join(draft.parts)) for draft in found]


class _Draft:
    """A paragraph that may still grow."""

    def __init__(self, first: Segment, text: str) -> None:
        self.first = first
        self.parts = [text]
        self._length = len(text)

    def add(self, text: str) -> None:
        self.parts.append(text)
        self._length += len(text)

    def is_over(self, pause_ms: int, *, sentence_ended: bool) -> bool:
        """Whether something that follows after this pause belongs to the next one."""
        if sentence_ended and (pause_ms > PARAGRAPH_PAUSE_MS or self._length >= PARAGRAPH_LENGTH):
            return True
        return pause_ms > LONG_PAUSE_MS or self._length >= LONGEST_PARAGRAPH

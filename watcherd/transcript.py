"""What was said in a recording: words, segments and the whole transcript.

Times are integers in milliseconds from the start of the recording.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, get_args

Speaker = Literal["left", "right"]
"""A side of a call: the channel that somebody speaks on."""


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word with its times."""

    start_ms: int
    end_ms: int
    text: str
    """As it is written, with punctuation, without surrounding blanks."""
    probability: float | None = None
    """0..1, or None where the model gives none."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech that the model timed: a sentence or a part of one."""

    start_ms: int
    end_ms: int
    text: str
    """Without surrounding blanks, never empty."""
    words: tuple[Word, ...] = ()
    """Empty where the model gives no word times."""
    avg_logprob: float | None = None
    """Mean natural-log probability of the tokens of the window that the segment comes from."""
    speaker: str | None = None
    """Who spoke, by the channel or by name, where the channels were transcribed apart; None where they were mixed."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All segments of one recording, in the order of their starts; none at all where nobody speaks."""

    language: str | None
    """ISO 639-1 code, as Whisper writes it; None where nobody speaks and none was configured."""
    duration_ms: int
    segments: tuple[Segment, ...]
    language_suspect: bool = False
    """The recording does not sound like the language that it was read as."""

    @property
    def text(self) -> str:
        """Every segment's text, joined by blanks."""
        return " ".join(segment.text for segment in self.segments)

    def named(self, names: Sequence[str]) -> Self:
        """The same with the speakers of the left and the right channel called by these names."""
        by_channel = dict(zip(get_args(Speaker), names, strict=True))
        segments = (
            replace(segment, speaker=by_channel.get(segment.speaker, segment.speaker)) if segment.speaker else segment
            for segment in self.segments
        )
        return replace(self, segments=tuple(segments))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``from_dict`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        return cls(
            language=data["language"],
            duration_ms=data["duration_ms"],
            segments=tuple(_segment(item) for item in data["segments"]),
            language_suspect=data.get("language_suspect", False),
        )


def _segment(item: Mapping[str, Any]) -> Segment:
    words: Sequence[Mapping[str, Any]] = item["words"]
    return Segment(
        start_ms=item["start_ms"],
        end_ms=item["end_ms"],
        text=item["text"],
        words=tuple(Word(**word) for word in words),
        avg_logprob=item["avg_logprob"],
        speaker=item.get("speaker"),
    )

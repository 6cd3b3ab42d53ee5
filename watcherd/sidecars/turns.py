"""Who speaks: the turns of a conversation, each with a name before it."""

from collections.abc import Sequence
from dataclasses import replace

from watcherd.transcript import Segment, Transcript


def begins_turn(segments: Sequence[Segment], number: int) -> bool:
    """Whether another one speaks in this segment than in the one before."""
    speaker = segments[number].speaker
    return speaker is not None and (number == 0 or segments[number - 1].speaker != speaker)


def with_names(transcript: Transcript) -> Transcript:
    """The same with ``NAME: `` in front of each turn; unchanged where nobody is named."""
    segments = transcript.segments
    return replace(
        transcript,
        segments=tuple(
            _named(segment) if begins_turn(segments, number) else segment for number, segment in enumerate(segments)
        ),
    )


def _named(segment: Segment) -> Segment:
    name = f"{segment.speaker}: "
    words = segment.words
    if words:
        words = (replace(words[0], text=name + words[0].text), *words[1:])
    return replace(segment, text=name + segment.text, words=words)

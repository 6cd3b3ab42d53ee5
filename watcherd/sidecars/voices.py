"""Who speaks which cue."""

from dataclasses import replace
from itertools import groupby, pairwise

from watcherd.sidecars.cues import GAP_MS, LINGER_MS, Cue, Layout, cues
from watcherd.transcript import Transcript


def voiced_cues(transcript: Transcript, layout: Layout) -> list[tuple[str | None, Cue]]:
    """The cues with who speaks them, or None, by their starts; two people never share one.

    Each stretch that one person speaks is laid out as if nobody else were there, so the names are not in the texts.
    Only where two people speak at once do cues overlap.
    """
    runs = groupby(transcript.segments, key=lambda segment: segment.speaker)
    spoken = [
        (speaker, cue)
        for speaker, segments in runs
        for cue in cues(
            replace(transcript, segments=tuple(replace(segment, speaker=None) for segment in segments)), layout
        )
    ]
    spoken.sort(key=lambda item: item[1].start_ms)
    return [
        *((speaker, _without_lingering(cue, following)) for (speaker, cue), (_, following) in pairwise(spoken)),
        *spoken[-1:],
    ]


def _without_lingering(cue: Cue, following: Cue) -> Cue:
    """A cue stays after its speech only until the next one comes."""
    too_long_ms = cue.end_ms - (following.start_ms - GAP_MS)
    lingers = 0 < too_long_ms <= LINGER_MS + GAP_MS and too_long_ms < cue.end_ms - cue.start_ms
    return replace(cue, end_ms=cue.end_ms - too_long_ms) if lingers else cue

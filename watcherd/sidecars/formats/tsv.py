"""Tab-separated values, for spreadsheets and scripts."""

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.rendering import Rendering
from watcherd.transcript import Segment


class Tsv(Format):
    """One line a segment, below the names of the columns: start and end in milliseconds, text; who speaks, if known.

    A tab inside a text becomes a blank, so that every line has as many columns as the first, and nothing is quoted.
    """

    name = "tsv"

    def text(self, rendering: Rendering) -> str:
        """The table; where nobody speaks, the names of its columns alone."""
        segments = rendering.transcript.segments
        with_speaker = any(segment.speaker is not None for segment in segments)
        names = ["start", "end", "text", *(["speaker"] if with_speaker else [])]
        rows = [names, *(_row(segment, with_speaker=with_speaker) for segment in segments)]
        return "".join("\t".join(row) + "\n" for row in rows)


def _row(segment: Segment, *, with_speaker: bool) -> list[str]:
    row = [str(segment.start_ms), str(segment.end_ms), _plain(segment.text)]
    return [*row, _plain(segment.speaker or "")] if with_speaker else row


def _plain(text: str) -> str:
    return " ".join(plain_words(text))

"""SubRip, the subtitles that every player reads."""

from watcherd.sidecars.cues import cues
from watcherd.sidecars.formats.format import Format, time_line
from watcherd.sidecars.rendering import Rendering
from watcherd.sidecars.turns import with_names


class Srt(Format):
    """SubRip subtitles, which every player reads; none without speech, since players take an empty file for broken.

    Written here, and not by a library: it takes a line a cue, and the limits of a cue are ours in any case.
    """

    name = "srt"
    is_subtitle = True

    def text(self, rendering: Rendering) -> str | None:
        """Numbered cues with their times, a blank line between two of them."""
        blocks = (
            f"{number}\n{time_line(cue, ',')}\n{_srt_lines(cue.lines)}\n"
            for number, cue in enumerate(cues(with_names(rendering.transcript), rendering.layout), start=1)
        )
        return "\n".join(blocks) or None


def _srt_lines(lines: tuple[str, ...]) -> str:
    """A spoken arrow must not look like the one between two times."""
    return "\n".join(lines).replace("-->", "→")

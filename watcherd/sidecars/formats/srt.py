"""SubRip, the subtitles that every player reads."""

from watcherd.sidecars.cues import cues
from watcherd.sidecars.formats.format import Format
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
            f"{number}\n{_srt_time(cue.start_ms)} --> {_srt_time(cue.end_ms)}\n{_srt_lines(cue.lines)}\n"
            for number, cue in enumerate(cues(with_names(rendering.transcript), rendering.layout), start=1)
        )
        return "\n".join(blocks) or None


def _srt_time(ms: int) -> str:
    """Hours, minutes, seconds and milliseconds; hours take a third digit where they need one.

    >>> _srt_time(3_723_004), _srt_time(360_000_000)
    ('01:02:03,004', '100:00:00,000')
    """
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{ms:03}"


def _srt_lines(lines: tuple[str, ...]) -> str:
    """A spoken arrow must not look like the one between two times."""
    return "\n".join(lines).replace("-->", "→")

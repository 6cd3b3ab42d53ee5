"""WebVTT, the subtitles of browsers."""

from collections.abc import Iterable

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.formats.format import Format, time_line
from watcherd.sidecars.rendering import Rendering
from watcherd.sidecars.voices import voiced_cues


class Vtt(Format):
    """WebVTT subtitles, for browsers; none without speech. Who speaks is marked by a voice span.

    Written here: pysubs2, which reads it back in the tests, neither escapes what looks like markup nor knows voices.
    """

    name = "vtt"
    is_subtitle = True

    def text(self, rendering: Rendering) -> str | None:
        """The header, then cues with their times, a blank line before each."""
        blocks = [
            f"\n{time_line(cue, '.')}\n{_voice(speaker)}{_escaped(cue.lines)}\n"
            for speaker, cue in voiced_cues(rendering.transcript, rendering.layout)
        ]
        return "".join(["WEBVTT\n", *blocks]) if blocks else None


def _voice(speaker: str | None) -> str:
    return "" if speaker is None else f"<v {_escaped(plain_words(speaker), ' ')}>"


def _escaped(lines: Iterable[str], joint: str = "\n") -> str:
    """What looks like a tag, an entity or the arrow between two times must not be one."""
    return joint.join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

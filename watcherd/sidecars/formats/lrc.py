"""LRC, the lyrics that music players scroll."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.cues import PAUSE_MS, Layout
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.rendering import Rendering
from watcherd.sidecars.voices import voiced_cues

_NO_TAGS: Final = str.maketrans("[]", "()")
"""Brackets hold times and facts, wherever they stand; there is no way to write any others."""


class Lrc(Format):
    """Lyrics for music players, each line with the time at which it begins; none without speech.

    No well-kept library writes it. It knows hundredths of a second and no hours: the minutes go past 99.
    """

    name = "lrc"

    def text(self, rendering: Rendering) -> str | None:
        """Title and length, then cues of one line each; an empty one takes the text away where somebody pauses."""
        lines = list(_lines(rendering))
        if not lines:
            return None
        minutes, seconds = divmod(rendering.transcript.duration_ms // 1000, 60)
        header = [f"[ti:{_plain(rendering.title)}]\n", f"[length:{minutes:02}:{seconds:02}]\n"]
        return "".join(header + lines)


def _lines(rendering: Rendering) -> Iterator[str]:
    voiced = voiced_cues(rendering.transcript, Layout(rendering.layout.max_line_length, max_lines=1))
    speaking = None
    for (speaker, cue), following in zip_longest(voiced, voiced[1:]):
        name = f"{_plain(speaker)}: " if speaker is not None and speaker != speaking else ""
        speaking = speaker
        yield f"{_time(cue.start_ms)}{name}{_plain(cue.lines[0])}\n"
        if following is None or following[1].start_ms - cue.end_ms > PAUSE_MS:
            yield f"{_time(cue.end_ms)}\n"


def _time(ms: int) -> str:
    """Minutes, seconds and hundredths, cut off and not rounded, so that no line comes before the one before it.

    >>> _time(3_723_009)
    '[62:03.00]'
    """
    minutes, ms = divmod(ms, 60_000)
    seconds, ms = divmod(ms, 1000)
    return f"[{minutes:02}:{seconds:02}.{ms // 10:02}]"


def _plain(text: str) -> str:
    return " ".join(plain_words(text)).translate(_NO_TAGS)

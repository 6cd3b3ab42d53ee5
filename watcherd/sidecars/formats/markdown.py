"""Markdown, for collections of notes."""

import re
from typing import Final

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.paragraphs import Paragraph, paragraphs
from watcherd.sidecars.rendering import Rendering

_MARKUP: Final = re.compile(r"[\\`*_\[\]<>&~$|#]")
"""What CommonMark, its dialect on GitHub ("~~", "|", "$") or a note-taking program ("#tag") may take for markup."""


class Markdown(Format):
    """A note: title, date and duration, then paragraphs, each with a link that opens the recording at its time.

    The links are media fragments, as the W3C recommends them (``talk.mp3#t=83``); browsers and Obsidian follow them.
    """

    name = "md"

    def text(self, rendering: Rendering) -> str:
        """The note; where nobody speaks, it says so."""
        transcript = rendering.transcript
        doubt = " (doubtful)" if transcript.language_suspect else ""
        facts = [
            f"- Date: {rendering.recorded_at:%Y-%m-%d %H:%M}",
            f"- Duration: {_clock(transcript.duration_ms)}",
            *([f"- Language: {transcript.language}{doubt}"] if transcript.language else []),
            f"- Recording: [{_plain(rendering.name)}]({rendering.link})",
        ]
        body = [_said(paragraph, rendering.link) for paragraph in paragraphs(transcript.segments)]
        parts = [f"# {_plain(rendering.title)}", "\n".join(facts), *(body or ["Nobody speaks in it."])]
        return "\n\n".join(parts) + "\n"


def _said(paragraph: Paragraph, link: str) -> str:
    name = "" if paragraph.speaker is None else f"**{_plain(paragraph.speaker)}:** "
    time = f"[{_clock(paragraph.start_ms)}]({link}#t={paragraph.start_ms // 1000})"
    return f"{time} {name}{_plain(paragraph.text)}"


def _clock(ms: int) -> str:
    """Hours, minutes and seconds.

    >>> _clock(3_723_400)
    '1:02:03'
    """
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _plain(text: str) -> str:
    """A text that means nothing but itself."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(plain_words(text)))

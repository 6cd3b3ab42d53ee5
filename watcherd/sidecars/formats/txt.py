"""Plain text, to read and to search."""

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.paragraphs import Paragraph, paragraphs
from watcherd.sidecars.rendering import Rendering


class Txt(Format):
    """Plain text to read and to search: one line a paragraph, a blank line between two; empty where nobody speaks."""

    name = "txt"

    def text(self, rendering: Rendering) -> str:
        """The words alone, without times; who speaks, where that is known."""
        return "\n".join(f"{_said(paragraph)}\n" for paragraph in paragraphs(rendering.transcript.segments))


def _said(paragraph: Paragraph) -> str:
    if paragraph.speaker is None:
        return paragraph.text
    return f"{' '.join(plain_words(paragraph.speaker))}: {paragraph.text}"

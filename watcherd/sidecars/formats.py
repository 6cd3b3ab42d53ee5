"""The kinds of sidecars: what is made of a transcript. To add one, see ``Format``."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, Final

from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.breaks import ends_sentence
from watcherd.sidecars.cues import Layout, cues
from watcherd.sidecars.scripts import glue
from watcherd.sidecars.turns import with_names
from watcherd.transcript import Transcript


class Format(ABC):
    """A kind of sidecar.

    To add one, write a subclass with a ``name`` and a ``text``, and put an instance into ``FORMATS``; the configuration
    lists the names in ``config/values.py``, and a test holds the two together.
    """

    name: ClassVar[str]
    """As the configuration calls it; with a full stop before it, also the ending of the file's name."""

    def render(self, transcript: Transcript, layout: Layout) -> bytes | None:
        r"""The file's content: UTF-8, lines ended by ``\n``, or nothing at all; None where there is to be no file."""
        text = self.text(transcript, layout)
        return None if text is None else text.encode("utf-8", "replace")

    @abstractmethod
    def text(self, transcript: Transcript, layout: Layout) -> str | None:
        r"""The content as text: every line ends with ``\n``. None where there is to be no file."""


class Srt(Format):
    """SubRip subtitles, which every player reads; none without speech, since players take an empty file for broken.

    Written here, and not by a library: it takes a line a cue, and the limits of a cue are ours in any case.
    """

    name = "srt"

    def text(self, transcript: Transcript, layout: Layout) -> str | None:
        """Numbered cues with their times, a blank line between two of them."""
        blocks = (
            f"{number}\n{_srt_time(cue.start_ms)} --> {_srt_time(cue.end_ms)}\n{_srt_lines(cue.lines)}\n"
            for number, cue in enumerate(cues(transcript, layout), start=1)
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


PARAGRAPH_PAUSE_MS: Final = 2_000
"""A longer silence after a sentence begins a new paragraph."""

LONG_PAUSE_MS: Final = 5_000
"""A longer silence begins a new paragraph wherever it is."""

PARAGRAPH_LENGTH: Final = 700
"""Characters, after which the next sentence begins a new paragraph."""

LONGEST_PARAGRAPH: Final = 2_000
"""Characters, after which the next segment begins a new paragraph: some languages and some speakers end no sentence."""


class Txt(Format):
    """Plain text to read and to search: one line a paragraph, a blank line between two; empty where nobody speaks."""

    name = "txt"

    def text(self, transcript: Transcript, layout: Layout) -> str:  # noqa: ARG002  a paragraph is as wide as its window
        """The words alone, without times."""
        return "\n".join(f"{paragraph}\n" for paragraph in _paragraphs(transcript))


def _paragraphs(transcript: Transcript) -> list[str]:
    spoken = [
        (segment, text) for segment in with_names(transcript).segments if (text := " ".join(plain_words(segment.text)))
    ]
    paragraphs = [text for _, text in spoken[:1]]
    for (before, said), (segment, text) in pairwise(spoken):
        pause_ms = segment.start_ms - before.end_ms
        sentence_ended = ends_sentence(said.rpartition(" ")[2], text)
        if segment.speaker != before.speaker or _is_over(len(paragraphs[-1]), pause_ms, sentence_ended=sentence_ended):
            paragraphs.append(text)
        else:
            paragraphs[-1] += glue(said, text) + text
    return paragraphs


def _is_over(length: int, pause_ms: int, *, sentence_ended: bool) -> bool:
    if sentence_ended and (pause_ms > PARAGRAPH_PAUSE_MS or length >= PARAGRAPH_LENGTH):
        return True
    return pause_ms > LONG_PAUSE_MS or length >= LONGEST_PARAGRAPH


FORMATS: Final[Mapping[str, Format]] = MappingProxyType({kind.name: kind for kind in (Srt(), Txt())})
"""By name."""

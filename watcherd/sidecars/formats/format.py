"""What every kind of sidecar is: a name, and a text that is made of a transcript."""

from abc import ABC, abstractmethod
from typing import ClassVar

from watcherd.sidecars.cues import Cue
from watcherd.sidecars.rendering import Rendering


class Format(ABC):
    """A kind of sidecar.

    To add one, write a subclass with a ``name`` and a ``text`` in a module of its own, and put an instance into
    ``FORMATS``; the configuration lists the names in ``config/values.py``, and a test holds the two together. Golden
    files of every format lie in ``tests/sidecars/golden``, and its README says how they are made anew.
    """

    name: ClassVar[str]
    """As the configuration calls it; with a full stop before it, also the ending of the file's name."""
    is_subtitle: ClassVar[bool] = False
    """Players look for it beside the recording and take a language code in its name for its language."""

    def render(self, rendering: Rendering) -> bytes | None:
        r"""The file's content: UTF-8, lines ended by ``\n``, or nothing at all; None where there is to be no file."""
        text = self.text(rendering)
        return None if text is None else text.encode("utf-8", "replace")

    @abstractmethod
    def text(self, rendering: Rendering) -> str | None:
        r"""The content as text: every line ends with ``\n``. None where there is to be no file."""


def time_line(cue: Cue, mark: str) -> str:
    """When a cue comes and goes, as SubRip and WebVTT write it but for the mark before the milliseconds.

    >>> time_line(Cue(3_723_004, 360_000_000, ()), ",")
    '01:02:03,004 --> 100:00:00,000'
    """
    return f"{_time(cue.start_ms, mark)} --> {_time(cue.end_ms, mark)}"


def _time(ms: int, mark: str) -> str:
    """Hours, minutes, seconds and milliseconds; hours take a third digit where they need one."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"

"""The kinds of sidecars, by name. To add one, see ``Format``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from watcherd.sidecars.formats.document import Json
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.formats.lrc import Lrc
from watcherd.sidecars.formats.markdown import Markdown
from watcherd.sidecars.formats.srt import Srt
from watcherd.sidecars.formats.tsv import Tsv
from watcherd.sidecars.formats.txt import Txt
from watcherd.sidecars.formats.vtt import Vtt

__all__ = ["FORMATS", "Format"]

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {kind.name: kind for kind in (Srt(), Vtt(), Txt(), Json(), Tsv(), Lrc(), Markdown())}
)

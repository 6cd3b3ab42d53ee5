"""Which audio stream of a file is the recording: the engine decodes it, and discovery knows it again by its packets."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

ENTRIES: Final = (
    "stream=index,codec_type,codec_name,codec_tag_string,channels,channel_layout,sample_rate,duration"
    ":stream_disposition=default,comment,visual_impaired,hearing_impaired,attached_pic"
)
"""What ffprobe is to tell of each stream (``-show_entries``)."""

PROTECTED_TAGS: Final = frozenset({"aavd", "drms", "enca"})
"""Four-character codes of audio that only its vendor's player can decrypt: Audible, iTunes, common encryption."""


def best_audio(streams: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The stream that a player would play: the default one, if it is not a commentary, else the first."""
    audio = [stream for stream in streams if stream.get("codec_type") == "audio" and _decodable(stream)]
    return max(audio, key=_preference, default=None)


def _decodable(stream: Mapping[str, Any]) -> bool:
    if stream.get("codec_name", "unknown") == "unknown" or stream.get("codec_tag_string") in PROTECTED_TAGS:
        return False
    return stream.get("channels", 0) > 0 and int(stream.get("sample_rate", 0)) > 0


def _preference(stream: Mapping[str, Any]) -> tuple[bool, bool, int]:
    marks: Mapping[str, int] = stream.get("disposition", {})
    aside = any(marks.get(mark) for mark in ("comment", "visual_impaired", "hearing_impaired"))
    return not aside, bool(marks.get("default")), -stream["index"]

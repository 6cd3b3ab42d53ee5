"""Transcripts to be rendered, and what is made of them."""

from datetime import UTC, datetime
from pathlib import Path

from watcherd.sidecars.formats import FORMATS
from watcherd.sidecars.rendering import Provenance, Rendering
from watcherd.transcript import Segment, Transcript

SPEECH = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
SPOKEN = Transcript("en", 11_000, (Segment(300, 10_400, SPEECH),))
SILENCE = Transcript(None, 4_000, ())

MARKUP = "Fish & chips <i>or</i> &amp; 5 < 6 > 4 --> [home] {b} `code` *star* _line_ $5 #tag ~~no~~ | \\N a\tb."
"""All that some format or other takes for markup."""

LANGUAGES = {
    "en": MARKUP,
    "he": "שלום לכולם, היום נדבר על WhatsApp. זה מעניין מאוד!",
    "zh": "你好、欢迎收听今天的节目。我们要谈谈天气、然后是音乐。",
}

CONVERSATION = Transcript(
    "en",
    20_000,
    (
        Segment(0, 3_000, "How are you?", speaker="Anna & Co"),
        Segment(3_000, 6_000, "Fine.", speaker="Bob"),
        Segment(5_000, 8_000, "Good to hear.", speaker="Anna & Co"),
        Segment(9_000, 12_000, "And now this.", speaker="Anna & Co"),
    ),
)


def rendering(transcript: Transcript, recording: str = "/memos/talk.mp3", folder: str | None = None) -> Rendering:
    provenance = Provenance(bytes(32), "packaged:base", "4f2c", "language=auto")
    recorded_at = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    place = None if folder is None else Path(folder)
    return Rendering(transcript, Path(recording), recorded_at, provenance, folder=place)


def rendered(format_name: str, transcript: Transcript) -> bytes | None:
    return FORMATS[format_name].render(rendering(transcript))


def text(format_name: str, transcript: Transcript) -> str:
    content = rendered(format_name, transcript)
    assert content is not None
    return content.decode()


def in_language(language: str, *, every_ms: int = 20_000, until_ms: int = 60_000, words: str = "") -> Transcript:
    starts = range(0, until_ms, every_ms)
    segments = tuple(Segment(at, at + 9_000, words or LANGUAGES[language]) for at in starts)
    return Transcript(language, until_ms, segments)


def plain_in(language: str, *, every_ms: int = 20_000, until_ms: int = 60_000) -> Transcript:
    """The same without what SubRip has no way to write."""
    words = "Fish & chips, 5 < 6, (home) and #tag." if language == "en" else ""
    return in_language(language, every_ms=every_ms, until_ms=until_ms, words=words)

"""What a file really is, told from its first bytes, where ffmpeg finds no recording in it."""

import codecs
from typing import Final

_BEGINNINGS: Final = (
    (b"#EXTM3U", "a playlist (m3u)"),
    (b"[playlist]", "a playlist (pls)"),
    (b"ffconcat version", "a list of files for ffmpeg (ffconcat)"),
    (b"v=0\r\n", "a session description (sdp)"),
    (b"v=0\n", "a session description (sdp)"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89PNG\r\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"SQLite format 3\0", "a database (SQLite)"),
    (b"\x7fELF", "a program"),
)
_MARKUP: Final = (
    (b"<mpd", "a playlist (DASH)"),
    (b"<smil", "a playlist (SMIL)"),
    (b"<!doctype html", "a web page, as a failed download leaves it"),
    (b"<html", "a web page, as a failed download leaves it"),
)
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


def describe(head: bytes) -> str | None:
    """A name with its article, such as "a text file", for the beginning of a file; None where it cannot be told."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head and not head.strip(b"\0"):
        return "a file full of zeros, as an interrupted copy leaves it"
    if not _is_text(head):
        return None
    lower = head.lower()
    return next((name for mark, name in _MARKUP if mark in lower), "a text file")


def _is_text(head: bytes) -> bool:
    if not head or not _CONTROLS.isdisjoint(head):
        return False
    try:
        # Incremental: the head may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True

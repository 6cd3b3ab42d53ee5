"""File names as people can read them, whatever bytes they are made of."""

import os
from pathlib import Path


def printable(path: Path | str | bytes) -> str:
    r"""The path on one line of valid UTF-8: control characters and bytes that are not UTF-8 are written as ``\xNN``.

    >>> printable(b"two\nlines \xff.mp3")
    'two\\x0alines \\xff.mp3'
    """
    text = os.fsdecode(path)
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  surrogateescape: a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))

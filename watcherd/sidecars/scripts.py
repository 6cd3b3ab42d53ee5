"""Writing systems: the room a text takes, what is one character to the eye, where text without spaces may break."""
# ruff: noqa: RUF001  these tables name marks of many scripts, and some of them look alike

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from watcherd import spaceless

RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ps", "sd", "ur", "yi"})
"""Languages written from right to left, by Whisper's codes."""

SPACELESS: Final = re.compile(f"[{spaceless.IDEOGRAPHIC}{spaceless.SOUTH_EAST_ASIAN}]")
IDEOGRAPHIC: Final = re.compile(f"[{spaceless.IDEOGRAPHIC}]")

# What must not begin a line, and what must not end one: JIS X 4051's classes of closing and opening marks, small kana,
# iteration and prolonged sound marks, with their half-width forms; and marks of other scripts that do the same.
NOT_FIRST: Final = frozenset(
    ")]}’”»›!?,.:;%°…‥、。，．・：；？！゛゜ヽヾゝゞ々〻ー）］｝〕〉》」』】〙〗〟｠‐–〜～％℃‰ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"
    "ㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ｡｣､･ｧｨｩｪｫｬｭｮｯｰﾞﾟ؟،؛ฯๆะาำๅະາຳຯໆ།༎၊။။។៕៖ៗ"
)
NOT_LAST: Final = frozenset("([{‘“«‹¿¡（［｛〔〈《「『【〘〖〝｟｢¥£€$￥￡＄#＃№เแโใไເແໂໃໄ")

SENTENCE_ENDS: Final = ".!?…。！？｡．؟۔।॥։።፧།။។"
CLAUSE_ENDS: Final = ",;:—–、，；：､،؛፣፤၊"
CLOSERS: Final = "\"'”’»›“)]}」』）】》〉"
OPENERS: Final = "\"'“„‘«‹([{¿¡「『（【《〈-–—"

_JOINS_BOTH_SIDES: Final = frozenset("\u200d\u2060\u17d2\u0f84")  # joiner, word joiner, Khmer coeng, Tibetan halanta


@lru_cache(maxsize=8192)
def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """The room that a text takes: two for every wide character (Han, kana, Hangul, emoji), one for any other.

    So 42 are 42 Latin letters or 21 Chinese ones, and 20 a second are 10 Chinese ones, near what the guides for these
    languages ask for. Combining marks count one like everything else: no line is ever longer than its limit, whichever
    way a player counts.
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def clusters(text: str) -> Iterator[str]:
    """Split a text into what the eye takes for characters: a base with its marks, an emoji sequence, a flag.

    A part of Unicode's UAX #29 that needs no tables beyond the standard library's.
    """
    start = 0
    for at in range(1, len(text)):
        if not _extends(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _extends(text: str, start: int, at: int) -> bool:
    """Whether the character at ``at`` belongs to the cluster that began at ``start``."""
    character, before = text[at], text[at - 1]
    if character in _JOINS_BOTH_SIDES or before in _JOINS_BOTH_SIDES:
        return True
    if character.isascii():
        return False
    if unicodedata.category(character) in {"Mn", "Mc", "Me"}:
        return True
    if "\U0001f3fb" <= character <= "\U0001f3ff":  # skin tones
        return True
    return at - start == 1 and _is_regional(before) and _is_regional(character)


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def is_breakable(before: str, after: str) -> bool:
    """Whether a line may end between two neighbouring clusters that no space separates, of which one is spaceless."""
    if before[-1] in NOT_LAST or after[0] in NOT_FIRST:
        return False
    return SPACELESS.match(before) is not None or SPACELESS.match(after) is not None


def glue(before: str, after: str) -> str:
    """What stands between two texts that were recognised one after the other: a blank, or nothing after 。 and 、."""
    wide_mark = any(
        _width(mark) == 2 and unicodedata.category(mark).startswith("P")  # noqa: PLR2004  two is wide
        for mark in (before[-1:], after[:1])
        if mark
    )
    return "" if wide_mark else " "


def embedded(line: str) -> str:
    """A line of a right-to-left language, marked so that a player which reckons with left-to-right shows it rightly.

    Without the marks the full stop of a Hebrew sentence stands at its beginning, and a line that starts with a foreign
    name runs the wrong way. U+202B opens an embedding, U+202C closes it (UAX #9). Lines without such letters stay.
    """
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in line):
        return f"\u202b{line}\u202c"
    return line


EMBEDDING_WIDTH: Final = 2
"""What ``embedded`` adds to a line."""

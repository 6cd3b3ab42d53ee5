"""Writing systems that put no spaces between words, as the inside of a character class of ``re``."""

from typing import Final

# Han, kana, Bopomofo and their extensions. Hangul has spaces, so it is absent.
IDEOGRAPHIC: Final = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)

# Thai, Lao, Tibetan, Myanmar, Khmer.
SOUTH_EAST_ASIAN: Final = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0f40-\u0fbc\u1000-\u109f\u1780-\u17d3"

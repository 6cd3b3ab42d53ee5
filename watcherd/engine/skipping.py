"""Speech that a model skips: it writes one sentence and gives it the time of several.

That part is read again, alone or in halves, and stands where it says more. On 24 minutes of read English without pauses
this brought Whisper base from 8.6 to 4.5 % WER, with three words too many instead of one; on 18 minutes with pauses
nothing was read again.
"""

import re
from typing import Final

from watcherd.engine.recognizer import Phrase
from watcherd.engine.windows import Window
from watcherd.spaceless import IDEOGRAPHIC

SLOWEST: Final = 5.0
"""Letters a second of voice below which something must be missing. In 220 phrases of read English, Whisper base had 2.2
and 3.7 in the two where it had skipped sentences, and 9.8 at least in all others."""

MIN_VOICE_S: Final = 4.0
"""In less there is no room for a sentence."""

_IDEOGRAPH: Final = re.compile(f"[{IDEOGRAPHIC}]")
_LETTERS_IN_IDEOGRAPH: Final = 3
"""Chinese and Japanese are spoken at four to six of them a second, and English at fifteen letters."""


def skips_speech(window: Window, phrase: Phrase) -> bool:
    """Whether there is more voice under a phrase than can belong to its text."""
    voice_s = window.speech_within_s(phrase.start_s, phrase.end_s)
    return voice_s > MIN_VOICE_S and letters(phrase.text) < SLOWEST * voice_s


def letters(text: str) -> int:
    """How long a text is when it is said, in letters of English."""
    return len(text) + (_LETTERS_IN_IDEOGRAPH - 1) * len(_IDEOGRAPH.findall(text))

"""Whether a recording sounds like the language that it is read as."""

from typing import Final

from watcherd.engine.recognizer import Reading

MIN_LANGUAGE_PROB: Final = 0.3
"""Where a model tells languages apart, at least so much for the one that it reads. Whisper base gave English in eight
languages 0.2 at most, and 0.84 at least where English was spoken."""

MIN_LOGPROB: Final = -0.7
"""Of a model that knows a single language, which tells by its confidence alone. Whisper tiny.en had -0.43 at worst in
English, read by people and by machines; what it wrote in eight other languages repeated itself or was below -1.2."""

MIN_SPEECH_S: Final = 5.0
"""Less speech is no ground for a doubt: "Thank you." alone is often read at a probability of -1."""

MAJORITY: Final = 0.5


class LanguageDoubt:
    """Weighs all windows of a recording by their speech, so that neither a quotation nor a bad line decides."""

    def __init__(self) -> None:
        self._speech_s = 0.0
        self._doubtful_s = 0.0

    def hear(self, speech_s: float, reading: Reading, *, believed: bool) -> None:
        """Take in the first reading of a whole window.

        Args:
            speech_s: how much of the window is speech.
            reading: what was read in it.
            believed: whether it passed the gates.
        """
        self._speech_s += speech_s
        if reading.language_prob is not None:
            doubtful = reading.language_prob < MIN_LANGUAGE_PROB
        else:
            doubtful = not believed or reading.avg_logprob < MIN_LOGPROB
        if doubtful:
            self._doubtful_s += speech_s

    @property
    def suspect(self) -> bool:
        """True where most of the speech does not sound like the language."""
        return self._speech_s >= MIN_SPEECH_S and self._doubtful_s > MAJORITY * self._speech_s

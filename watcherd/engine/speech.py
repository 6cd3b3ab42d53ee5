"""Where somebody speaks: silero's voice activity over a stream of samples, and the windows that come of it."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from watcherd.engine.packing import MAX_WINDOW, OVERLAP, PAD, Packer
from watcherd.engine.piece_levels import evened
from watcherd.engine.samples import FRAME, SAMPLES_PER_MS, Samples, Span
from watcherd.engine.windows import Window
from watcherd.transcript import Speaker

FRAMES_PER_RUN: Final = 250
"""8 s. Always as many, from the start of the recording: the last bits of a probability may depend on how many frames
are computed together, and windows must not."""

THRESHOLD: Final = 0.5
STAYS_ABOVE: Final = THRESHOLD - 0.15
MIN_SILENCE: Final = 100 * SAMPLES_PER_MS
MIN_SPEECH: Final = 250 * SAMPLES_PER_MS
"""Parameters of silero-vad's ``get_speech_timestamps``, with its defaults, but without padding."""

DIP: Final = STAYS_ABOVE
"""A cut at a frame below this parts words, and needs no overlap."""

MAX_FRAMES: Final = (MAX_WINDOW - 2 * PAD) // FRAME
"""Speech without a pause is cut to fit a window together with the silence at its sides."""

MAX_FRAMES_ON: Final = MAX_FRAMES - OVERLAP // FRAME - 1
"""What goes on after a cut has to fit one together with the end of what is before the cut."""


def speech_windows(blocks: Iterable[Samples]) -> Iterator[Window]:
    """The speech of a recording in windows of at most 28 s, each as soon as its end is decided; none without speech.

    Args:
        blocks: consecutive samples of any lengths; the windows do not depend on these.

    Raises:
        ModelUnavailableError: the voice-activity model is not installed.
    """
    voice = _Voice()
    for block in blocks:
        yield from voice.push(block)
    yield from voice.flush()


def side_windows(blocks: Iterable[tuple[Samples, Samples]]) -> Iterator[Window]:
    """The same for the left and the right side of a call; each window holds speech of one of them."""
    left, right = _Voice("left"), _Voice("right")
    for on_left, on_right in blocks:
        yield from left.push(on_left)
        yield from right.push(on_right)
    yield from left.flush()
    yield from right.flush()


class _Voice:
    """Voice activity, packing and levels of one stream of samples."""

    def __init__(self, speaker: Speaker | None = None) -> None:
        self._detector, self._packer = SpeechDetector(), Packer(speaker)

    def push(self, block: Samples) -> list[Window]:
        speech = self._detector.push(block)
        return [evened(window) for window in self._packer.push(block, speech, self._detector.known_until)]

    def flush(self) -> list[Window]:
        return [evened(window) for window in self._packer.flush(self._detector.flush())]


class SpeechDetector:
    """Finds the stretches of speech in consecutive samples, whatever the lengths in which they come.

    Stretches have 32 ms resolution, last longer than 250 ms and are parted by pauses of 100 ms or more, except where
    one goes on for 28.9 s, or for 25.8 s after a cut: it is cut where it sounds the least like speech, and the next one
    starts where it ends, or a frame later where that frame is none.
    """

    def __init__(self) -> None:
        # With torch, which takes seconds: what is wrong with a recognizer is told before.
        from watcherd.engine.voice_activity import VoiceActivity  # noqa: PLC0415

        self._model = VoiceActivity()
        self._turns = _Turns()
        self._waiting: Samples = np.empty(0, np.float32)
        self._total = 0

    @property
    def known_until(self) -> int:
        """No stretch of speech that is still to be told of starts before this sample."""
        return self._turns.known_until

    def push(self, samples: Samples) -> list[Span]:
        """The stretches that are found to have ended."""
        self._total += len(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        run = FRAMES_PER_RUN * FRAME
        speech: list[Span] = []
        while len(self._waiting) >= run:
            speech += self._turns.push(self._model(self._waiting[:run]))
            self._waiting = self._waiting[run:].copy()
        return speech

    def flush(self) -> list[Span]:
        """The remaining stretches, after the last samples."""
        frames = -(-len(self._waiting) // FRAME)
        padded = np.zeros(frames * FRAME, np.float32)
        padded[: len(self._waiting)] = self._waiting
        speech = self._turns.push(self._model(padded)) if frames else []
        return speech + self._turns.flush(self._total)


class _Turns:
    """Probabilities of speech, one a frame, to stretches of it."""

    def __init__(self) -> None:
        self._position = 0
        self._start: int | None = None
        self._silent_since: int | None = None
        self._required = MIN_SPEECH
        self._most = MAX_FRAMES
        self._heard: list[float] = []
        """The probabilities since the start."""

    @property
    def known_until(self) -> int:
        return self._position if self._start is None else self._start

    def push(self, probabilities: npt.NDArray[np.float32]) -> list[Span]:
        return [span for probability in probabilities.tolist() for span in self._step(probability)]

    def flush(self, total: int) -> list[Span]:
        return self._end(total)

    def _step(self, probability: float) -> list[Span]:
        ended: list[Span] = []
        if probability >= THRESHOLD:
            self._silent_since = None
            if self._start is None:
                self._start, self._required, self._most = self._position, MIN_SPEECH, MAX_FRAMES
        elif probability < STAYS_ABOVE and self._start is not None:
            if self._silent_since is None:
                self._silent_since = self._position
            if self._position - self._silent_since >= MIN_SILENCE:
                ended = self._end(self._silent_since)
        self._position += FRAME
        if self._start is not None:
            self._heard.append(probability)
            if len(self._heard) == self._most:
                ended = self._cut(self._start)
        return ended

    def _end(self, end: int) -> list[Span]:
        start, self._start, self._silent_since, self._heard = self._start, None, None, []
        return [Span(start, end)] if start is not None and end - start > self._required else []

    def _cut(self, start: int) -> list[Span]:
        """Cut a stretch that is too long in its second half, at the latest of its least speech-like frames.

        A frame that would not count as speech is a pause, if a short one. Of speech whose pauses were cut out, Whisper
        base read 24 minutes with 8.6 % WER where all cuts had an overlap, and about 3.0 % without: the words at such a
        frame are whole, and after a start in the middle of a sentence it skips one more often.
        """
        frame = min(range(self._most - 1, self._most // 2, -1), key=self._heard.__getitem__)
        pause = int(self._heard[frame] < DIP)
        end = start + frame * FRAME
        self._start = end + pause * FRAME
        self._heard = self._heard[frame + pause :]
        self._most = MAX_FRAMES if pause else MAX_FRAMES_ON
        self._required = 0  # what remains of a long stretch is speech, however short
        return [Span(start, end)]

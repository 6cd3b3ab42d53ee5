"""What was read in a window, as segments of the recording."""

from collections.abc import Iterator
from itertools import pairwise

from watcherd.engine.recognizer import Phrase, Reading
from watcherd.engine.samples import to_ms
from watcherd.engine.windows import FAR, Window
from watcherd.transcript import Segment, Word


def segments(window: Window, reading: Reading) -> Iterator[Segment]:
    """Every phrase at its place in the recording."""
    avg_logprob = round(reading.avg_logprob, 4)
    for phrase in reading.phrases:
        if phrase.words:
            for words in _placed(window, phrase):
                text = "".join(word.text for word in words).strip()
                own = tuple(Word(word.start_ms, word.end_ms, word.text.strip(), word.probability) for word in words)
                yield Segment(own[0].start_ms, own[-1].end_ms, text, own, avg_logprob, window.speaker)
        else:
            start_ms, end_ms = window.clip(phrase.start_s, phrase.end_s)
            yield Segment(start_ms, end_ms, phrase.text, avg_logprob=avg_logprob, speaker=window.speaker)


def _placed(window: Window, phrase: Phrase) -> list[list[Word]]:
    """The phrase's words in groups that no long pause divides, still with their blanks."""
    words = [
        Word(*window.place(word.start_s, word.end_s), word.text, round(word.probability, 4)) for word in phrase.words
    ]
    groups = [words[:1]]
    for before, word in pairwise(words):
        if word.start_ms - before.end_ms > to_ms(FAR):
            groups.append([])
        groups[-1].append(word)
    return groups

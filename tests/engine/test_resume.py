import numpy as np

from watcherd.engine.recognizer import Hints, Phrase, Reading
from watcherd.engine.resume import KEY_BYTES, pack, unpack, window_key
from watcherd.engine.samples import Span
from watcherd.engine.windows import Window

SAMPLES = np.linspace(-1, 1, 1000, dtype=np.float32)


def window(start: int = 0, samples: np.ndarray = SAMPLES) -> Window:
    span = Span(start, start + len(samples))
    return Window(0, (span,), (span,), samples)


def test_a_reading_comes_back_to_the_last_bit() -> None:
    reading = Reading((Phrase(0.02, 1 / 3, "Grüße."), Phrase(1.0, 2.0, '"')), 2.0, -0.1234567890123456, 1e-9)

    assert unpack(pack(reading)) == reading
    assert unpack(pack(Reading((), 0.0, -0.5))) == Reading((), 0.0, -0.5)


def test_a_window_keeps_its_key() -> None:
    assert window_key(window(), Hints("en")) == window_key(window(samples=SAMPLES.copy()), Hints("en"))
    assert len(window_key(window(), Hints("en"))) == KEY_BYTES


def test_another_place_language_or_sound_is_another_window() -> None:
    changed = SAMPLES.copy()
    changed[500] = np.nextafter(changed[500], 1)

    keys = {
        window_key(window(), Hints("en")),
        window_key(window(), Hints("de")),
        window_key(window(start=1), Hints("en")),
        window_key(window(samples=changed), Hints("en")),
    }

    assert len(keys) == 4

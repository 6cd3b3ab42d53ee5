import numpy as np
import pytest

from tests.engine.conftest import RATE, Signal, hum, noise, silence
from watcherd.engine.loudness import MAX_GAIN_DB, Leveller

BLOCK = 8 * RATE


def push(leveller: Leveller, samples: Signal) -> Signal:
    pcm = np.rint(samples * 32767).astype(np.int16)
    blocks = [leveller.push(pcm[start : start + BLOCK]) for start in range(0, len(pcm), BLOCK)]
    return np.concatenate(blocks).astype(np.float64) / 32767


def level_db(samples: Signal) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


def quiet(speech: Signal, by_db: float) -> Signal:
    return speech[: 10 * RATE] * 10 ** (-by_db / 20)


def test_the_first_words_are_raised_already(speech: Signal) -> None:
    raised = push(Leveller(), quiet(speech, 40))

    gains = [
        level_db(raised[a:b]) - level_db(quiet(speech, 40)[a:b]) for a, b in ((RATE, 2 * RATE), (5 * RATE, 6 * RATE))
    ]
    assert min(gains) > 15
    assert abs(gains[0] - gains[1]) < 0.5


def test_the_gain_has_a_limit(speech: Signal) -> None:
    raised = push(Leveller(), quiet(speech, 50))

    assert level_db(raised[: 8 * RATE]) - level_db(quiet(speech, 50)[: 8 * RATE]) == pytest.approx(MAX_GAIN_DB, abs=1)


@pytest.mark.parametrize("sound", [noise(24, -65), hum(24, -55), silence(24)], ids=["noise", "hum", "silence"])
def test_what_is_not_speech_is_left_alone(sound: Signal) -> None:
    assert np.abs(push(Leveller(), sound) - sound).max() < 1e-4


def test_noise_between_sentences_is_raised_as_much_as_these_and_no_more(speech: Signal) -> None:
    spoken = quiet(speech, 40)[:BLOCK]
    room = noise(32, -75)
    samples = np.concatenate([spoken, room])
    samples[:BLOCK] += noise(8, -75, seed=1)

    raised = push(Leveller(), samples)

    gain = level_db(raised[:BLOCK]) - level_db(samples[:BLOCK])
    assert gain > 15
    assert level_db(raised[2 * BLOCK :]) - level_db(samples[2 * BLOCK :]) == pytest.approx(gain, abs=0.5)


def test_a_loud_voice_after_a_quiet_one_is_not_clipped(speech: Signal) -> None:
    loud = speech[:BLOCK] * (0.99 / np.abs(speech[:BLOCK]).max())

    raised = push(Leveller(), np.concatenate([quiet(speech, 40)[:BLOCK], loud]))

    after_the_fade = BLOCK + RATE // 50
    assert np.abs(raised[after_the_fade:] - loud[after_the_fade - BLOCK :]).max() < 1e-3


def test_a_last_block_of_any_length_keeps_it(speech: Signal) -> None:
    leveller = Leveller()
    pcm = np.rint(quiet(speech, 40) * 32767).astype(np.int16)
    leveller.push(pcm[:BLOCK])

    for length in (1, 7, 15, 17, 319, 320, 333, 4001):
        assert len(leveller.push(pcm[:length])) == length

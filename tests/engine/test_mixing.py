import numpy as np

from tests.engine.conftest import RATE, Signal, noise
from watcherd.engine.mixing import FRAME, Mixer


def pcm(*channels: Signal) -> Signal:
    return np.asarray(np.rint(np.stack(channels, axis=1) * 32767), np.int16)


def level(samples: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_a_single_channel_passes_unchanged() -> None:
    samples = pcm(noise(1.3, -20))

    assert np.array_equal(Mixer(1).push(samples), samples[:, 0])


def test_two_channels_give_their_mean() -> None:
    left, right = noise(3, -20, seed=1), noise(3, -23, seed=2)
    samples = pcm(left, right)

    assert np.array_equal(Mixer(2).push(samples), np.rint(samples.astype(float).mean(axis=1)).astype(np.int16))


def test_opposite_channels_give_the_loudest_of_them() -> None:
    voice = noise(3, -20)
    samples = pcm(-0.8 * voice, voice)

    mixed = Mixer(2).push(samples)

    assert np.array_equal(mixed[RATE // 50 :], samples[RATE // 50 :, 1])


def test_a_voice_of_opposite_sign_is_kept_above_common_noise() -> None:
    voice, room = noise(5, -20, seed=1), noise(5, -32, seed=2)

    mixed = Mixer(2).push(pcm(voice + room, room - voice))

    assert level(mixed) > 0.9 * level(pcm(voice))


def test_a_constant_offset_does_not_hide_opposite_channels() -> None:
    voice = noise(3, -30)

    mixed = Mixer(2).push(pcm(voice + 0.2, 0.2 - voice)).astype(float)

    assert level(mixed - mixed.mean()) > 0.9 * level(pcm(voice))


def test_equal_opposite_channels_do_not_take_turns() -> None:
    samples = pcm(*(sign * noise(10, -20) + noise(10, -60, seed=3 + sign) for sign in (1, -1)))

    mixed = Mixer(2).push(samples)

    assert max(np.abs(mixed[FADE:].astype(int) - samples[FADE:, side]).max() for side in (0, 1)) > 0
    assert min(np.abs(mixed[FADE:].astype(int) - samples[FADE:, side]).max() for side in (0, 1)) == 0


def test_a_change_of_mind_makes_no_click() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(4 * RATE) / RATE)
    half = len(tone) // 2
    right = np.concatenate([tone[:half], -1.1 * tone[half:]])

    mixed = Mixer(2).push(pcm(tone, right)).astype(float)

    assert level(mixed[half + RATE // 50 :]) > 0.9 * level(pcm(tone))
    assert np.abs(np.diff(mixed)).max() < 1.5 * np.abs(np.diff(pcm(tone)[:, 0].astype(float))).max()


def test_one_voice_among_many_microphones_is_their_mean() -> None:
    voice = noise(2, -20)
    channels = [voice, *(noise(2, -60, seed=n) for n in range(1, 8))]

    mixed = Mixer(8).push(pcm(*channels))

    assert abs(level(mixed) / level(pcm(voice)) - 1 / 8) < 0.01


def test_pieces_of_whole_frames_are_mixed_as_the_whole_is() -> None:
    voice = noise(6.2, -20)
    samples = pcm(voice, np.concatenate([voice[: 3 * RATE], -voice[3 * RATE :]]))
    mixer = Mixer(2)

    pieces = [mixer.push(samples[start : start + 3 * FRAME]) for start in range(0, len(samples), 3 * FRAME)]

    assert np.array_equal(np.concatenate(pieces), Mixer(2).push(samples))


FADE = RATE // 50

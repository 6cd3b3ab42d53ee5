import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import RATE, Signal, hum, noise, silence
from watcherd.engine.packing import MAX_WINDOW, OVERLAP, PAD
from watcherd.engine.samples import Samples, Span
from watcherd.engine.speech import MAX_FRAMES, MAX_FRAMES_ON, SpeechDetector, _Turns, speech_windows
from watcherd.engine.windows import Window


def detect(blocks: Iterator[Samples]) -> list[Span]:
    detector = SpeechDetector()
    found = [span for block in blocks for span in detector.push(block)]
    return found + detector.flush()


def blocks_of(samples: Samples, *sizes: int) -> Iterator[Samples]:
    position = turn = 0
    while position < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[position : position + size]
        position, turn = position + size, turn + 1


@pytest.fixture(scope="module")
def tape(speech: Signal) -> Samples:
    """A minute and a half: speech, silence, noise, hum, and speech again without a pause between."""
    parts = [silence(2), speech, noise(9, -40), speech, hum(12, -35), speech, silence(5.5), speech, speech, speech]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="module")
def spans(tape: Samples) -> list[Span]:
    return detect(iter([tape]))


def test_it_hears_what_silero_vad_hears(tape: Samples, spans: list[Span]) -> None:
    # In a process of its own: importing the package changes torch's number of threads.
    script = (
        "import sys, numpy as np, torch\n"
        "from silero_vad import get_speech_timestamps, load_silero_vad\n"
        "samples = torch.from_numpy(np.frombuffer(sys.stdin.buffer.read(), np.float32).copy())\n"
        "for span in get_speech_timestamps(samples, load_silero_vad(), min_silence_duration_ms=100, speech_pad_ms=0):\n"
        "    print(span['start'], span['end'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=tape.tobytes(), capture_output=True, check=True)

    expected = [Span(*map(int, line.split())) for line in done.stdout.decode().splitlines()]
    assert len(expected) > 10
    assert spans == expected


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(1000, 400_000), min_size=1, max_size=5))
def test_the_lengths_of_blocks_do_not_matter(sizes: list[int], tape: Samples, spans: list[Span]) -> None:
    assert detect(blocks_of(tape, *sizes)) == spans


def test_blocks_smaller_than_a_frame_do_not_matter(tape: Samples) -> None:
    start = tape[: 15 * RATE]

    assert detect(blocks_of(start, 1, 300, 63)) == detect(iter([start])) != []


def test_speech_up_to_the_last_sample_is_found(speech: Signal) -> None:
    cut = speech[: 2 * RATE + 77].astype(np.float32)

    assert detect(iter([cut]))[-1].end == len(cut)


@pytest.mark.parametrize(
    "sound",
    [noise(30, -20), noise(30, -45), hum(30, -20), silence(30), silence(0)],
    ids=["noise", "faint noise", "hum", "silence", "nothing"],
)
def test_nobody_speaks_in_noise_hum_and_silence(sound: Signal) -> None:
    assert list(speech_windows(blocks_of(sound.astype(np.float32), 8 * RATE))) == []


def turns(probabilities: list[float]) -> list[Span]:
    found = _Turns()
    return found.push(np.array(probabilities, np.float32)) + found.flush(len(probabilities) * 512)


def test_speech_without_a_pause_is_cut_where_it_sounds_least_like_it() -> None:
    probabilities = [0.9] * 2000
    probabilities[300] = 0.4  # in the first half
    probabilities[700] = 0.6

    found = turns(probabilities)

    assert found[0] == Span(0, 700 * 512)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert found[-1].end == 2000 * 512
    assert all(span.length <= MAX_FRAMES_ON * 512 for span in found[1:])


def test_what_goes_on_after_a_cut_fits_a_window_together_with_what_it_shares() -> None:
    probabilities = [0.9] * 3000

    found = turns(probabilities)

    assert found[0].length == (MAX_FRAMES - 1) * 512
    assert len(found) > 3
    assert all(span.length <= MAX_WINDOW - OVERLAP - PAD for span in found[1:])


def test_after_a_pause_speech_may_be_as_long_as_at_first() -> None:
    probabilities = [0.9] * (MAX_FRAMES + 100) + [0.0] * 10 + [0.9] * (MAX_FRAMES - 1) + [0.0] * 10

    assert turns(probabilities)[-1].length == (MAX_FRAMES - 1) * 512


def test_what_remains_of_cut_speech_is_kept_however_short() -> None:
    probabilities = [0.9] * (MAX_FRAMES + 1) + [0.0] * 100
    probabilities[MAX_FRAMES - 2] = 0.8

    assert turns(probabilities) == [
        Span(0, (MAX_FRAMES - 2) * 512),
        Span((MAX_FRAMES - 2) * 512, (MAX_FRAMES + 1) * 512),
    ]


def test_a_cut_in_a_beginning_pause_leaves_nothing_behind() -> None:
    probabilities = [0.9] * (MAX_FRAMES - 1) + [0.1] * 100

    assert turns(probabilities) == [Span(0, (MAX_FRAMES - 1) * 512)]


def same(one: Window, other: Window) -> bool:
    return (one.index, one.pieces, one.speech) == (other.index, other.pieces, other.speech) and np.array_equal(
        one.samples, other.samples
    )


def test_windows_hold_all_speech_and_do_not_depend_on_blocks(tape: Samples, spans: list[Span]) -> None:
    windows = list(speech_windows(blocks_of(tape, 8 * RATE)))

    assert len(windows) > 2
    assert [window.index for window in windows] == list(range(len(windows)))
    assert [window.shared for window in windows] == [None] * len(windows), "there are pauses"
    assert [span for window in windows for span in window.speech] == spans
    assert all(window.duration_s <= 28 for window in windows)
    for sizes in ((len(tape),), (4001, 160_001), (37, 90_000)):
        again = list(speech_windows(blocks_of(tape, *sizes)))
        assert len(again) == len(windows)
        assert all(map(same, windows, again))


def test_the_engine_tells_of_a_bad_model_before_it_loads_torch() -> None:
    script = "import sys, watcherd.engine.process\nprint({'torch', 'transformers', 'silero_vad'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"set()\n"

from itertools import pairwise

from bench.sidecars import transcript_of


def test_the_speech_is_as_long_as_it_is_said_to_be_and_timed_in_order() -> None:
    transcript = transcript_of(0.1)
    words = [word for segment in transcript.segments for word in segment.words]
    assert 360_000 <= transcript.duration_ms < 380_000
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(words))
    assert transcript == transcript_of(0.1)
    assert transcript != transcript_of(0.1, seed=1)

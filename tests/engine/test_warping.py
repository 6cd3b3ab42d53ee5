import numpy as np
import pytest
from transformers.models.whisper.generation_whisper import _dynamic_time_warping

from watcherd.engine.warping import onsets


@pytest.mark.parametrize(("tokens", "frames"), [(1, 1), (1, 9), (9, 1), (2, 2), (7, 40), (30, 20), (60, 500)])
@pytest.mark.parametrize("seed", range(3))
def test_the_way_is_that_of_transformers(tokens: int, frames: int, seed: int) -> None:
    attention = np.random.default_rng(seed).standard_normal((tokens, frames)).astype(np.float32)
    text, time = _dynamic_time_warping(-attention.astype(np.float64))
    assert onsets(attention) == [int(time[text == token][0]) for token in range(tokens)]


def test_each_token_begins_where_its_attention_does() -> None:
    attention = np.full((3, 10), -1, np.float32)
    attention[0, :4], attention[1, 4:6], attention[2, 6:] = 1, 1, 1
    assert onsets(attention) == [0, 4, 6]

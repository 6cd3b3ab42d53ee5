"""The decoder's cache when rows are dropped."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from watcherd.engine.decoder_cache import DecoderCache, compact

WIDTH = 2


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any))
def test_the_rows_that_are_kept_have_the_first_places_and_few_are_moved(kept: list[bool]) -> None:
    rows = [row for row, keep in enumerate(kept) if keep]
    order = compact(torch.tensor(rows)).tolist()
    assert sorted(order) == rows
    assert all(order[row] == row for row in rows if row < len(rows))


@given(st.lists(st.booleans(), min_size=1, max_size=9).filter(any), st.integers(1, 3))
def test_every_row_keeps_what_it_has_heard_and_said(kept: list[bool], ways: int) -> None:
    count = len(kept)
    heard = torch.arange(count).float().view(-1, 1, 1, 1).expand(-1, 1, 3, WIDTH)
    cache = DecoderCache([(heard.clone(), -heard.clone())], capacity=2, dtype=torch.float32)
    cache.fork(ways)
    said = torch.arange(count * ways).float().view(-1, 1, 1, 1).expand(-1, 1, 1, WIDTH)
    cache.extend(0, said, -said)
    cache.advance(1)

    order = cache.keep(torch.tensor([row for row, keep in enumerate(kept) if keep]))

    expected = [row * ways + way for row in order.tolist() for way in range(ways)]
    keys, values = cache.heard(0)
    assert keys[:, 0, 2, 0].tolist() == (-values)[:, 0, 0, 1].tolist() == order.tolist()
    new = torch.full((len(expected), 1, 1, WIDTH), 100.0)
    keys, values = cache.extend(0, new, -new)
    assert keys[:, 0, :, 0].tolist() == (-values)[:, 0, :, 1].tolist() == [[row, 100.0] for row in expected]

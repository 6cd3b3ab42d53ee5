"""The decoder's cache when rows are dropped."""

from itertools import pairwise

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


def numbered(rows: int) -> torch.Tensor:
    """[rows, 1 head, 1 position, width], with the row's number everywhere."""
    return torch.arange(rows).float().view(-1, 1, 1, 1).expand(-1, 1, 1, WIDTH)


def cache_of(windows: int, *, ways: int = 1) -> DecoderCache:
    heard = numbered(windows).expand(-1, 1, 3, WIDTH)
    cache = DecoderCache([(heard.clone(), -heard.clone())], capacity=3, dtype=torch.float32, ways=ways)
    cache.extend(0, numbered(windows), -numbered(windows))
    cache.advance(1)
    return cache


def said(cache: DecoderCache, rows: int) -> list[list[float]]:
    """What each row has said when it says 100 next."""
    new = torch.full((rows, 1, 1, WIDTH), 100.0)
    keys, values = cache.extend(0, new, -new)
    assert torch.equal(keys, -values)
    tokens: list[list[float]] = keys[:, 0, :, 0].tolist()
    return tokens


@given(st.lists(st.booleans(), min_size=1, max_size=9).filter(any))
def test_every_row_keeps_what_it_has_heard_and_said(kept: list[bool]) -> None:
    cache = cache_of(len(kept))
    order = cache.keep(torch.tensor([row for row, keep in enumerate(kept) if keep])).tolist()
    keys, values = cache.heard(0)
    assert keys[:, 0, 2, 0].tolist() == (-values)[:, 0, 0, 1].tolist() == order
    assert said(cache, len(order)) == [[row, 100.0] for row in order]


WAYS = 3


@st.composite
def forks(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """So many windows, the place of each row in them, and another order of these rows."""
    windows = draw(st.integers(1, 5))
    places = [window * WAYS + way for window in range(windows) for way in range(draw(st.integers(1, WAYS)))]
    return windows, places, draw(st.permutations(range(len(places))))


@given(forks())
def test_rows_go_on_from_any_row_and_ask_with_those_of_their_window(fork: tuple[int, list[int], list[int]]) -> None:
    windows, places, order = fork
    cache = cache_of(windows, ways=WAYS)
    cache.follow([place // WAYS for place in places], places)
    assert said(cache, len(places)) == [[place // WAYS, 100.0] for place in places]
    cache.advance(1)

    there = [places[row] for row in order]
    cache.follow(order, there)
    assert said(cache, len(places)) == [[place // WAYS, 100.0, 100.0] for place in there]

    queries = torch.tensor(there).float().view(-1, 1, 1, 1).expand(-1, 1, 1, WIDTH)
    assert cache.askers is not None
    asked = cache.askers.together(queries)
    expected = [float(place) if place in places else 0.0 for place in range(windows * WAYS)]
    assert asked[:, 0, :, 0].tolist() == [expected[first : first + WAYS] for first in range(0, windows * WAYS, WAYS)]
    assert torch.equal(cache.askers.apart(asked[:, 0]), queries[:, 0])
    first, rows = cache.askers.in_order
    heard = [{there[row] for row in rows[start:end]} for start, end in pairwise(first.tolist())]
    assert heard == [{place for place in places if place // WAYS == window} for window in range(windows)]


def test_windows_are_dropped_before_the_rest_is_told_what_it_hears() -> None:
    cache = cache_of(3, ways=2)
    cache.follow([0, 1, 1, 2], [0, 2, 3, 4])
    order = cache.keep_windows(torch.tensor([1, 2])).tolist()
    assert order == [2, 1]
    cache.follow([1, 3, 2], [2, 0, 3])
    keys, _ = cache.heard(0)
    assert keys[:, 0, 0, 0].tolist() == [2.0, 1.0]
    assert said(cache, 3) == [[1.0, 100.0], [2.0, 100.0], [1.0, 100.0]]

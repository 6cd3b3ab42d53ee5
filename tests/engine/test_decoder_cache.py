"""The decoder's cache when rows are dropped."""

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from watcherd.engine.beam import _rows
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


Texts = list[tuple[int, int]]
"""The row that each goes on from, and its place."""


@st.composite
def forks(draw: st.DrawFn) -> tuple[int, list[int], Texts]:
    """So many windows, the places of their texts, and the texts that go on from these."""
    windows = draw(st.integers(1, 5))
    places = [window * WAYS + way for window in range(windows) for way in range(draw(st.integers(1, WAYS)))]
    then = draw(st.permutations(places))[: draw(st.integers(1, len(places)))]
    return windows, places, [(draw(st.sampled_from(range(len(places)))), place) for place in then]


def follow(cache: DecoderCache, texts: Texts) -> Texts:
    """Let each have a row, and return them in the order of these."""
    befores = [before for before, _ in texts]
    by_row = [text for _, text in sorted(zip(_rows(befores), texts, strict=True))]
    cache.follow([before for before, _ in by_row], [place for _, place in by_row])
    return by_row


@given(forks())
def test_rows_go_on_from_any_row_and_ask_with_those_of_their_window(fork: tuple[int, list[int], Texts]) -> None:
    windows, places, then = fork
    cache = cache_of(windows, ways=WAYS)
    first = follow(cache, [(place // WAYS, place) for place in places])
    assert said(cache, len(first)) == [[before, 100.0] for before, _ in first]
    cache.advance(1)

    second = follow(cache, then)
    there = [place for _, place in second]
    assert said(cache, len(second)) == [[first[before][0], 100.0, 100.0] for before, _ in second]

    queries = torch.tensor(there).float().view(-1, 1, 1, 1).expand(-1, 1, 1, WIDTH)
    assert cache.askers is not None
    asked = cache.askers.together(queries)
    expected = [float(place) if place in there else 0.0 for place in range(windows * WAYS)]
    assert asked[:, 0, :, 0].tolist() == [expected[first : first + WAYS] for first in range(0, windows * WAYS, WAYS)]
    assert torch.equal(cache.askers.apart(asked[:, 0]), queries[:, 0])
    starts, rows = cache.askers.in_order
    heard = [{there[row] for row in rows[start:end]} for start, end in pairwise(starts.tolist())]
    assert heard == [{place for place in there if place // WAYS == window} for window in range(windows)]


def test_windows_are_dropped_before_the_rest_is_told_what_it_hears() -> None:
    cache = cache_of(3, ways=2)
    cache.follow([0, 1, 2, 1], [0, 2, 4, 3])
    order = cache.keep_windows(torch.tensor([1, 2])).tolist()
    assert order == [2, 1]
    cache.follow([3, 1, 2], [3, 2, 0])
    keys, _ = cache.heard(0)
    assert keys[:, 0, 0, 0].tolist() == [2.0, 1.0]
    assert said(cache, 3) == [[1.0, 100.0], [1.0, 100.0], [2.0, 100.0]]

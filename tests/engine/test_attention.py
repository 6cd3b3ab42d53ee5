"""Attention of few queries: compiled, and by PyTorch's products where there was no compiler."""

import pytest
import torch

from watcherd.engine.askers import Askers
from watcherd.engine.attention import HEAD_WIDTH, attend_by_products, attend_compiled, attention
from watcherd.engine.layers import split_heads

HEADS = 3
CPU = torch.device("cpu")
FORMATS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def queries_of(rows: int, tokens: int = 1) -> torch.Tensor:
    """As they come out of a projection that gives keys and values, too."""
    queries, _, _ = split_heads(numbers(rows, tokens, 3 * HEADS * HEAD_WIDTH), 3, HEADS)
    return queries


def cached(owners: int, positions: int, dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Keys or values as a cache has them: with room for more owners and more positions."""
    return numbers(owners + 1, HEADS, positions + 5, HEAD_WIDTH, seed=seed).to(dtype)[:owners, :, :positions]


def exact(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    queries, keys, values = queries.double(), keys.double(), values.double()
    attended = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
    return attended.transpose(1, 2).flatten(2)


@FORMATS
@pytest.mark.parametrize("positions", [1, 15, 16, 17, 448, 512, 513, 1500])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 6, 23])
def test_the_compiled_attention_is_attention(tokens: int, positions: int, dtype: torch.dtype) -> None:
    queries = queries_of(2, tokens)
    keys, values = cached(2, positions, dtype, 1), cached(2, positions, dtype, 2)
    expected = exact(queries, keys, values)
    assert torch.allclose(attend_compiled(queries, keys, values).double(), expected, rtol=0, atol=2e-6)


@FORMATS
def test_rows_that_ask_the_same_window_get_what_they_would_get_alone(dtype: torch.dtype) -> None:
    ways, places = 7, [9, 0, 7, 1, 13, 2, 3, 4, 5, 6]  # of windows that are asked by seven, three and none
    queries = queries_of(len(places))
    keys, values = cached(3, 300, dtype, 1), cached(3, 300, dtype, 2)
    together = attend_compiled(queries, keys, values, Askers(places, 3, ways, CPU))
    for row, place in enumerate(places):
        window = slice(place // ways, place // ways + 1)
        alone = attend_compiled(queries[row : row + 1], keys[window], values[window])
        assert torch.equal(together[row], alone[0])


def test_scores_of_any_size_are_divided_among_the_positions_without_an_overflow() -> None:
    queries = queries_of(1) * 1e4
    keys, values = cached(1, 1200, torch.float32, 1), cached(1, 1200, torch.float32, 2)
    got = attend_compiled(queries, keys, values)
    assert torch.allclose(got.double(), exact(queries, keys, values), rtol=0, atol=1e-5)


def test_a_single_thread_computes_the_same() -> None:
    queries, keys, values = queries_of(6), cached(6, 700, torch.bfloat16, 1), cached(6, 700, torch.bfloat16, 2)
    threads = torch.get_num_threads()
    by_all = attend_compiled(queries, keys, values)
    torch.set_num_threads(1)
    try:
        assert torch.equal(attend_compiled(queries, keys, values), by_all)
    finally:
        torch.set_num_threads(threads)


@FORMATS
def test_products_give_the_same_whoever_asks(dtype: torch.dtype) -> None:
    places = [0, 3, 1]
    queries, askers = queries_of(len(places)), Askers(places, 2, 3, CPU)
    keys, values = cached(2, 40, dtype, 1), cached(2, 40, dtype, 2)
    by_products = attention(CPU, torch.float64, HEAD_WIDTH)  # a format that nothing is compiled for
    near = 0.02 if dtype is torch.bfloat16 else 1e-5
    assert by_products is not attend_compiled
    got = by_products(queries, keys, values, askers)
    assert torch.allclose(got, attend_compiled(queries, keys, values, askers), rtol=0, atol=near)


def test_a_mask_is_added_to_the_scores() -> None:
    queries, keys, values = queries_of(1), cached(1, 8, torch.float32, 1), cached(1, 8, torch.float32, 2)
    mask = torch.tensor([0.0] * 3 + [-torch.inf] * 5)
    got = attend_by_products(queries, keys, values, mask)
    assert torch.allclose(got.double(), exact(queries, keys[:, :, :3], values[:, :, :3]), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("dtype", "width"), [(torch.float16, HEAD_WIDTH), (torch.float32, 32)])
def test_what_nothing_is_compiled_for_goes_through_products(dtype: torch.dtype, width: int) -> None:
    assert attention(CPU, dtype, width) is not attend_compiled
    assert attention(CPU, torch.float32, HEAD_WIDTH) is attend_compiled


@pytest.mark.usefixtures("uncompiled")
def test_without_a_compiler_there_are_products() -> None:
    assert attention(CPU, torch.float32, HEAD_WIDTH) is not attend_compiled

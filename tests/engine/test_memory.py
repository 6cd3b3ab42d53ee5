"""Batches that do not fit: nothing is lost, and the size stays down."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from watcherd.engine.devices import Placement
from watcherd.engine.memory import read_halving
from watcherd.engine.recognizer import Hints, Phrase, Reading
from watcherd.engine.samples import Samples
from watcherd.errors import OutOfMemoryError


class Small:
    """A recognizer on a device with room for so many windows at once, as many as ``room`` says at each call."""

    languages: tuple[str, ...] = ("en",)

    def __init__(self, *room: int, batch_size: int = 8) -> None:
        self.placement = Placement(torch.device("cpu"), torch.float32, "a small device")
        self.batch_size = batch_size
        self.tried: list[int] = []
        self._room = room

    def read(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        return read_halving(self, self._read, windows, hints)

    def detect_language(self, windows: Sequence[Samples]) -> str | None:
        raise NotImplementedError

    def usable(self, vocabulary: Sequence[str]) -> tuple[str, ...]:
        raise NotImplementedError

    def _read(self, windows: Sequence[Samples], hints: Sequence[Hints]) -> list[Reading]:
        assert len(windows) == len(hints) <= self.batch_size
        room = self._room[min(len(self.tried), len(self._room) - 1)]
        self.tried.append(len(windows))
        if len(windows) > room:
            raise torch.OutOfMemoryError("no memory")
        return [
            Reading((Phrase(0, 1, f"{window[0]:.0f} {hint.language}"),), 1, 0)
            for window, hint in zip(windows, hints, strict=True)
        ]


def texts(recognizer: Small, count: int) -> list[str]:
    windows = [np.full(1, number, np.float32) for number in range(count)]
    return [reading.text for reading in recognizer.read(windows, [Hints(f"l{number}") for number in range(count)])]


@pytest.mark.parametrize(
    ("room", "tried"),
    [
        ((8,), [8]),
        ((4,), [8, 4, 4]),
        ((3,), [8, 4, 2, 2, 2, 2]),
        ((1,), [8, 4, 2, *[1] * 8]),
        ((4, 4, 1), [8, 4, 4, 2, *[1] * 4]),  # somebody else takes memory meanwhile
    ],
)
def test_every_window_is_read_once_in_its_place(room: tuple[int, ...], tried: list[int]) -> None:
    recognizer = Small(*room)
    assert texts(recognizer, 8) == [f"{number} l{number}" for number in range(8)]
    assert recognizer.tried == tried


def test_the_batches_stay_small() -> None:
    recognizer = Small(4, batch_size=6)
    texts(recognizer, 6)
    assert recognizer.batch_size == 3
    recognizer.tried.clear()
    texts(recognizer, 3)
    assert recognizer.tried == [3]


def test_a_window_that_does_not_fit_alone_is_an_error_with_a_remedy() -> None:
    with pytest.raises(OutOfMemoryError, match="a small device has not enough memory for a single window") as caught:
        texts(Small(0), 3)
    assert "smaller model" in str(caught.value.remedy)

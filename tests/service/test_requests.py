from datetime import timedelta
from pathlib import Path

import pytest

from watcherd.service.requests import BadRequestError, length_in, paths_in


def test_absolute_paths_are_taken_in_any_bytes() -> None:
    assert paths_in(["/a/b.mp3", "/a/\udcff.mp3"]) == [Path("/a/b.mp3"), Path("/a/\udcff.mp3")]


@pytest.mark.parametrize("value", [5, None, ["/a"], "", "a.mp3", "/a\0b", "/a/\ud800.mp3"])
def test_what_can_be_no_path_is_refused(value: object) -> None:
    with pytest.raises(BadRequestError, match="is no absolute path"):
        paths_in(["/a", value])


def test_a_length_is_a_number_of_seconds_or_none() -> None:
    assert (length_in(None), length_in(90), length_in(0.5)) == (None, timedelta(seconds=90), timedelta(seconds=0.5))


@pytest.mark.parametrize("value", ["2h", True, -1, 0, 1e300, float("nan"), float("inf"), [1]])
def test_what_can_be_no_length_is_refused(value: object) -> None:
    with pytest.raises(BadRequestError):
        length_in(value)

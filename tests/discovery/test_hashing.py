import hashlib
import queue
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcherd.discovery.hashing import LARGE_BYTES, Hashed, Hasher
from watcherd.discovery.identity import Identity, stat_key
from watcherd.errors import RecordingChangedError

PATIENCE_S = 30.0


class Desk:
    def __init__(self) -> None:
        self._done: queue.SimpleQueue[Hashed] = queue.SimpleQueue()
        self.hasher = Hasher("test", self._done.put)

    def order(self, path: Path) -> None:
        self.hasher.order(path, stat_key(path))

    def next(self) -> Hashed:
        return self._done.get(timeout=PATIENCE_S)

    def is_quiet(self) -> bool:
        return self._done.empty()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.hasher.stop(time.monotonic() + PATIENCE_S)


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_file_is_hashed(desk: Desk, tmp_path: Path) -> None:
    memo = tmp_path / "memo.mp3"
    memo.write_bytes(b"hello")
    desk.order(memo)
    result = desk.next()
    assert result.path == memo
    assert result.outcome == Identity(stat_key(memo), hashlib.sha256(b"hello").digest())
    assert desk.hasher.take(result)
    assert not desk.hasher.take(result)


def test_what_goes_wrong_is_a_result(desk: Desk, tmp_path: Path) -> None:
    memo = sparse(tmp_path / "memo.mp3", 5)
    key = stat_key(memo)
    memo.unlink()
    desk.hasher.order(memo, key)
    assert isinstance(desk.next().outcome, RecordingChangedError)


def test_large_files_never_keep_a_small_one_waiting(desk: Desk, tmp_path: Path) -> None:
    large = [sparse(tmp_path / f"large-{number}.wav", LARGE_BYTES * 1000) for number in range(3)]
    for path in large:
        desk.order(path)
    memo = sparse(tmp_path / "memo.mp3", 1000)
    desk.order(memo)
    assert desk.next().path == memo  # the large ones take minutes


def test_stopping_does_not_wait_for_a_large_file(tmp_path: Path) -> None:
    desk = Desk()
    desk.order(sparse(tmp_path / "large.wav", LARGE_BYTES * 1000))
    memo = sparse(tmp_path / "memo.mp3", 1000)
    desk.order(memo)
    assert desk.next().path == memo
    desk.hasher.stop(time.monotonic() + PATIENCE_S)
    assert not any(worker.is_alive() for worker in desk.hasher._workers)
    assert desk.is_quiet()


def test_an_order_that_was_withdrawn_gives_no_result(desk: Desk, tmp_path: Path) -> None:
    large = sparse(tmp_path / "large.wav", LARGE_BYTES * 1000)
    desk.order(large)
    desk.hasher.cancel(large)
    assert desk.hasher.ordered(large) is None
    last = sparse(tmp_path / "last.wav", LARGE_BYTES + 1)  # for the worker that had the large one in hand
    desk.order(last)
    assert desk.next().path == last


def test_a_result_of_an_earlier_order_is_not_taken(desk: Desk, tmp_path: Path) -> None:
    memo = sparse(tmp_path / "memo.mp3", 1000)
    desk.order(memo)
    early = desk.next()
    memo.write_bytes(b"new")
    desk.order(memo)
    assert not desk.hasher.take(early)
    assert desk.hasher.take(desk.next())


def test_a_file_without_audio_has_no_packet_hash_and_that_is_no_error(desk: Desk, tmp_path: Path) -> None:
    memo = sparse(tmp_path / "memo.mp3", 1000)
    desk.hasher.order_packets(memo, stat_key(memo), Identity(stat_key(memo), bytes(32)), is_whole=True)
    result = desk.next()
    assert result.packets_tried
    assert result.cut_off is None
    assert result.packet_sha256 is None
    assert isinstance(result.outcome, Identity)


def test_the_sizes_of_all_orders_are_known(desk: Desk, tmp_path: Path) -> None:
    desk.order(sparse(tmp_path / "memo.mp3", 1000))
    assert desk.hasher.sizes() == [1000]
    desk.hasher.take(desk.next())
    assert desk.hasher.sizes() == []

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from watcherd.discovery.identity import CHUNK_BYTES, KEPT_IN_MEMORY_BYTES, HashingStoppedError, content_hash, stat_key
from watcherd.errors import FileUnreadableError, ReadError, RecordingChangedError

CONTENT = os.urandom(CHUNK_BYTES * 2 + 77)


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    path = tmp_path / "memo.mp3"
    path.write_bytes(CONTENT)
    return path


class Meddler:
    """Lets somebody do something to the file between the first chunk and the second."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self._deed = deed
        self._chunks = 0

    def __call__(self) -> bool:
        self._chunks += 1
        if self._chunks == 2:
            self._deed()
        return False


def test_the_hash_is_that_of_the_whole_content(memo: Path) -> None:
    identity = content_hash(memo)
    assert identity.sha256 == hashlib.sha256(CONTENT).digest()
    assert identity.stat_key == stat_key(memo)


def test_a_file_too_large_for_the_page_cache_has_the_same_hash(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.write(CONTENT)
        file.truncate(KEPT_IN_MEMORY_BYTES + 5)
    expected = hashlib.sha256(CONTENT)
    zeros = KEPT_IN_MEMORY_BYTES + 5 - len(CONTENT)
    while zeros:
        chunk = min(zeros, 1 << 24)
        expected.update(bytes(chunk))
        zeros -= chunk
    assert content_hash(path).sha256 == expected.digest()


def test_a_file_that_is_written_to_meanwhile_is_not_identified(memo: Path) -> None:
    def append() -> None:
        with memo.open("ab") as file:
            file.write(b"more")

    with pytest.raises(RecordingChangedError, match="written to"):
        content_hash(memo, Meddler(append))


def test_a_file_that_is_replaced_meanwhile_is_not_identified(memo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp3"
    other.write_bytes(CONTENT)
    with pytest.raises(RecordingChangedError):
        content_hash(memo, Meddler(lambda: other.replace(memo)))


def test_a_file_that_vanishes_meanwhile_is_not_identified(memo: Path) -> None:
    with pytest.raises(RecordingChangedError):
        content_hash(memo, Meddler(memo.unlink))


def test_what_is_no_regular_file_is_neither_waited_for_nor_followed(tmp_path: Path, memo: Path) -> None:
    (tmp_path / "link.mp3").symlink_to(memo)
    os.mkfifo(tmp_path / "pipe.mp3")
    (tmp_path / "folder.mp3").mkdir()
    for name in ("link.mp3", "pipe.mp3", "folder.mp3", "none.mp3"):
        with pytest.raises(RecordingChangedError):
            content_hash(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_what_to_do(memo: Path) -> None:
    memo.chmod(0)
    with pytest.raises(FileUnreadableError, match="chmod a\\+r"):
        content_hash(memo)


def test_a_disk_that_fails_is_a_read_error() -> None:
    with pytest.raises(ReadError, match="Input/output error"):
        content_hash(Path("/proc/self/mem"))


def test_hashing_ends_when_it_is_told_to(memo: Path) -> None:
    with pytest.raises(HashingStoppedError):
        content_hash(memo, lambda: True)


def test_the_key_follows_the_file_and_the_link_itself(memo: Path, tmp_path: Path) -> None:
    before = stat_key(memo)
    memo.chmod(0o600)
    assert stat_key(memo) != before
    link = tmp_path / "link"
    link.symlink_to(memo)
    assert stat_key(link).size == len(str(memo))

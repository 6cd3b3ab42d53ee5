import errno
import os
from pathlib import Path

import pytest

from watcherd.engine.source import Source
from watcherd.errors import FileUnreadableError, ReadError, RecordingChangedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF" + bytes(5000))
    return path


def test_a_file_that_stays_as_it_is_passes(path: Path) -> None:
    with Source(path) as source:
        assert source.head == path.read_bytes()[:4096]
        source.check_unchanged()
        source.check_readable()


def test_another_file_in_its_place_is_noticed(path: Path) -> None:
    with Source(path) as source:
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        other.replace(path)
        with pytest.raises(RecordingChangedError, match="written to"):
            source.check_unchanged()


def test_an_error_far_into_the_file_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pread

    def torn(file: int, size: int, position: int) -> bytes:
        if position > 4096:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(file, size, position)

    with Source(path) as source:
        monkeypatch.setattr(os, "pread", torn)
        with pytest.raises(ReadError, match="Input/output error"):
            source.check_readable()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, FileUnreadableError),
        (errno.EPERM, FileUnreadableError),
        (errno.ENOENT, RecordingChangedError),
        (errno.ENOTDIR, RecordingChangedError),
        (errno.ESTALE, ReadError),
        (errno.EIO, ReadError),
    ],
)
def test_each_failure_to_open_has_its_error(
    number: int, kind: type[Exception], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)

    with pytest.raises(kind):
        Source(path)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_file_stays_open(path: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    before = open_files()
    with Source(path):
        pass
    for bad in (empty, tmp_path):
        with pytest.raises(Exception, match=r"empty|regular"):
            Source(bad)

    assert open_files() == before

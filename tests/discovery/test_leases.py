import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcherd.discovery.leases import Writer, ignore_sigio, sigio_is_harmless, writer_of


@pytest.fixture(autouse=True)
def harmless_sigio() -> Iterator[None]:
    previous = signal.getsignal(signal.SIGIO)
    ignore_sigio()
    yield
    signal.signal(signal.SIGIO, previous)


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    path = tmp_path / "memo.mp3"
    path.write_bytes(b"x" * 5000)
    return path


def test_a_file_that_nobody_writes_has_no_writer(memo: Path) -> None:
    assert writer_of(memo) is Writer.NONE
    with memo.open("rb"):
        assert writer_of(memo) is Writer.NONE


def test_somebody_who_only_holds_it_open_is_a_writer(memo: Path) -> None:
    with memo.open("ab"):
        assert writer_of(memo) is Writer.SOMEBODY
    assert writer_of(memo) is Writer.NONE


def test_a_writable_mapping_is_a_writer(memo: Path) -> None:
    with memo.open("r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    with mapping:
        assert writer_of(memo) is Writer.SOMEBODY
    assert writer_of(memo) is Writer.NONE


def test_the_question_leaves_nothing_behind(memo: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208  pathlib would hold a descriptor of its own
    assert writer_of(memo) is Writer.NONE
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208
    descriptor = os.open(memo, os.O_WRONLY | os.O_NONBLOCK)  # would fail with EWOULDBLOCK under a lease
    os.close(descriptor)


def test_what_cannot_be_opened_has_an_unknown_writer(tmp_path: Path, memo: Path) -> None:
    (tmp_path / "link.mp3").symlink_to(memo)
    assert writer_of(tmp_path / "none.mp3") is Writer.UNKNOWN
    assert writer_of(tmp_path / "link.mp3") is Writer.UNKNOWN


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's file")
def test_another_users_file_has_an_unknown_writer(memo: Path) -> None:
    asked = """
import os, sys
from pathlib import Path
from watcherd.discovery.leases import ignore_sigio, writer_of
ignore_sigio()
os.chdir(sys.argv[1])  # the folders above are closed to the other user
os.setegid(65534)
os.seteuid(65534)
print(writer_of(Path("memo.mp3")).name)
"""
    memo.parent.chmod(0o755)
    command: list[str | Path] = [sys.executable, "-c", asked, memo.parent]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == "UNKNOWN\n"


def test_it_is_known_whether_the_signal_is_harmless() -> None:
    assert sigio_is_harmless()
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    assert not sigio_is_harmless()

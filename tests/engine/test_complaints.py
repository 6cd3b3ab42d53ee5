import os
from pathlib import Path

from watcherd.engine.complaints import complaints, says_io_failed


def test_addresses_and_the_name_of_the_file_are_left_out() -> None:
    path = Path(os.fsdecode(b"/r/two\nlines \xff.mp4"))
    stderr = (
        b"[mov,mp4 @ 0x55aa7d38d580] [warning] Format detected only with low score of 1\n"
        b"[mov,mp4 @ 0x55aa7d38d580] [error] moov atom not found\n"
        b"[error] file:/r/two\nlines \xff.mp4: Invalid data found when processing input\n"
    )

    assert complaints(stderr, path) == ["moov atom not found", "Invalid data found when processing input"]


def test_lines_without_a_level_are_errors() -> None:
    stderr = b"[mp3float @ 0x55a1ec605980] Header missing\n\nError while decoding stream #0:0\n"

    assert complaints(stderr, Path("x.mp3")) == ["Header missing", "Error while decoding stream #0:0"]


def test_a_failing_disk_is_recognised() -> None:
    assert says_io_failed(["Header missing", "Input/output error"])
    assert says_io_failed(["Stale file handle"])
    assert not says_io_failed(["Header missing"])

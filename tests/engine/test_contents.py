import pytest

from watcherd.engine.contents import describe


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF document"),
        (b"PK\x03\x04\x14\x00", "a zip archive or an office document"),
        (b"<!DOCTYPE html>\n<html><body>404</body>", "a web page, as a failed download leaves it"),
        ("Grüße ".encode()[:-2], "a text file"),
        ("cut in the middle of ü".encode()[:-1], "a text file"),
        (bytes(4096), "a file full of zeros, as an interrupted copy leaves it"),
    ],
)
def test_a_kind_of_file_is_named(head: bytes, name: str) -> None:
    assert describe(head) == name


@pytest.mark.parametrize("head", [b"", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\xff\xfb\x90\x64\x00", b"caf\xe9 au lait"])
def test_of_other_bytes_nothing_is_said(head: bytes) -> None:
    assert describe(head) is None

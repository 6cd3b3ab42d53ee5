"""What the access list that a folder hands down does to sidecars, and to the folders that are made for them."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sidecars.conftest import Shelf

FRIEND = 4321


def access(path: Path) -> list[str]:
    """The entries of a file's list, without comments about what the mask takes away."""
    shown = subprocess.run(["getfacl", "-cnpE", path], capture_output=True, text=True, check=True)
    return shown.stdout.split()


@pytest.fixture
def shared(shelf: Shelf) -> Shelf:
    """A folder in which every new file may be read and written by a friend, and by no stranger."""
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed; it is in Debian's package acl")
    entries = f"user::rwx,user:{FRIEND}:rwx,group::r-x,other::---"
    given = subprocess.run(["setfacl", "-d", "-m", entries, shelf.folder], capture_output=True, check=False)
    if given.returncode != 0:
        pytest.skip("the file system of the temporary folder has no access lists")
    return shelf


def test_a_sidecar_gets_the_list_that_the_folder_hands_down_as_the_recording_did(shared: Shelf) -> None:
    recording = shared.record("talk.mp3", "Hello there.")
    assert f"user:{FRIEND}:rwx" in access(recording)
    shared.publish()
    for name in ("talk.srt", "talk.txt"):
        assert access(shared.folder / name) == access(recording)


def test_a_replaced_sidecar_has_it_too(shared: Shelf) -> None:
    recording = shared.record("talk.mp3", "Hello there.")
    shared.publish()
    shared.record("talk.mp3", "Something else.")
    shared.publish()
    assert shared.text("talk.txt") == "Something else.\n"
    assert access(shared.folder / "talk.txt") == access(recording)


def test_it_holds_where_the_file_system_has_no_hard_links(shared: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    recording = shared.record("talk.mp3", "Hello there.")
    shared.publish()
    assert access(shared.folder / "talk.txt") == access(recording)


def test_the_sidecar_of_a_private_recording_stays_private(shared: Shelf) -> None:
    recording = shared.record("talk.mp3", "Hello there.")
    recording.chmod(0o600)
    shared.publish()
    assert "mask::---" in access(shared.folder / "talk.txt")


def test_a_folder_that_is_made_for_sidecars_hands_on_what_it_was_handed(shared: Shelf) -> None:
    recording = shared.record("2026/talk.mp3", "Hello there.")
    shared.output = shared.folder / "notes"
    shared.output.mkdir()
    shared.publish()
    assert access(shared.output / "2026") == access(shared.folder / "2026")
    assert access(shared.output / "2026" / "talk.txt") == access(recording)

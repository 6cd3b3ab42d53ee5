import os
import stat
from pathlib import Path

import pytest

from watcherd.errors import LedgerError
from watcherd.ledger import location

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 21 0:43 / /mnt/nas rw,relatime shared:2 master:3 - nfs4 nas:/export rw,vers=4.2
41 21 0:44 /sub /mnt/odd\\040name rw - fuse.sshfs me@host:/ rw
"""


@pytest.mark.parametrize(
    ("device", "kind"), [((8, 1), "ext4"), ((0, 43), "nfs4"), ((0, 44), "fuse.sshfs"), ((0, 99), None)]
)
def test_the_file_system_is_found_by_its_device(tmp_path: Path, device: tuple[int, int], kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert location.file_system(os.makedev(*device), mounts) == kind


def test_a_kernel_that_does_not_tell_is_no_obstacle(tmp_path: Path) -> None:
    assert location.file_system(os.makedev(8, 1), tmp_path / "missing") is None


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = location.file_system(tmp_path.stat().st_dev)
    if kind is None:
        pytest.skip("the kernel does not tell the type of this file system")
    monkeypatch.setattr(location, "NETWORK_FILE_SYSTEMS", frozenset({kind}))

    with pytest.raises(LedgerError, match=rf"network file system \({kind}\).*local disk"):
        location.prepare_folder(tmp_path / "ledger.sqlite3")


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    location.prepare_folder(tmp_path / "new" / "deep" / "ledger.sqlite3")

    assert stat.S_IMODE((tmp_path / "new" / "deep").stat().st_mode) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    location.prepare_folder(tmp_path / "ledger.sqlite3")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(LedgerError, match=r"file/state: the folder of the ledger cannot be made"):
        location.prepare_folder(tmp_path / "file" / "state" / "ledger.sqlite3")

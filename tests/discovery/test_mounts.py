from pathlib import Path

import pytest

from watcherd.discovery.mounts import Mounts

TABLE = rb"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:40 / /srv rw - btrfs /dev/sdb rw
31 30 0:41 / /srv/nas rw,relatime - nfs4 nas:/export rw
32 30 0:42 / /srv/my\040music rw - fuse.mergerfs a:b rw
33 30 0:43 / /srv/box rw - cifs //box/share rw
34 30 0:44 / /srv/box rw - xfs /dev/sdc1 rw
35 30 0:45 / /srvother rw - 9p host rw
""".strip().splitlines()


def mounts(folder: str) -> Mounts:
    return Mounts(Path(folder), TABLE)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me", "ext4"),
        ("/srv/rec", "btrfs"),
        ("/srv/nas/rec", "nfs4"),
        ("/srv/nasty", "btrfs"),
        ("/srv/my music/rec", "fuse.mergerfs"),
        ("/srvother", "9p"),
        ("/srv/box", "xfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount_and_the_latest(folder: str, kind: str) -> None:
    assert mounts(folder).kind == kind


def test_network_file_systems_fuse_and_unknown_ones_are_foreign() -> None:
    assert mounts("/home/me").foreign is None
    assert mounts("/srv/box").foreign is None
    for folder in ("/srv/nas", "/srv/my music/rec", "/srvother"):
        foreign = mounts(folder).foreign
        assert foreign is not None
        assert foreign.kind == mounts(folder).kind


def test_a_share_below_the_folder_counts_too() -> None:
    srv = mounts("/srv")
    assert srv.foreign is not None
    assert srv.is_local(Path("/srv/rec/a.mp3"))
    assert srv.is_local(Path("/srv/box/a.mp3"))
    assert not srv.is_local(Path("/srv/nas/a.mp3"))
    assert not srv.is_local(Path("/srv/my music/a.mp3"))


def test_a_mount_point_is_told_from_a_folder() -> None:
    assert mounts("/srv/nas").is_mount_point
    assert not mounts("/srv/nas/rec").is_mount_point


def test_the_same_device_mounted_again_makes_a_difference() -> None:
    again = [line.replace(b"31 30", b"77 30") for line in TABLE]
    assert Mounts(Path("/srv/nas/rec"), TABLE) == mounts("/srv/nas/rec")
    assert Mounts(Path("/srv/nas/rec"), again) != mounts("/srv/nas/rec")
    assert Mounts(Path("/srv"), again) != mounts("/srv")
    assert Mounts(Path("/srv/box"), again) == mounts("/srv/box")


def test_links_are_seen_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    direct, linked = Mounts(tmp_path / "folder"), Mounts(tmp_path / "link")
    assert direct == linked
    assert direct.is_local(tmp_path / "folder" / "a") == linked.is_local(tmp_path / "link" / "a")

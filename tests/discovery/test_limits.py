from pathlib import Path

import pytest

from watcherd.discovery import limits


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place to write other limits to than those of this machine."""
    folder = tmp_path / "inotify"
    folder.mkdir()
    monkeypatch.setattr(limits, "_LIMITS", folder)
    return folder


def test_the_remedy_is_a_command_that_can_be_copied(kernel: Path) -> None:
    (kernel / "max_user_watches").write_text("8192\n")
    assert "sudo sysctl fs.inotify.max_user_watches=524288 " in limits.remedy("max_user_watches")


def test_the_remedy_goes_beyond_what_there_is_and_what_is_needed(kernel: Path) -> None:
    (kernel / "max_user_watches").write_text("600000\n")
    assert "max_user_watches=1200000 " in limits.remedy("max_user_watches")
    assert "max_user_watches=2000000 " in limits.remedy("max_user_watches", at_least=1_000_000)


def test_a_shortage_is_told_before_it_comes(kernel: Path, tmp_path: Path) -> None:
    root = tmp_path / "rec"
    (root / "a" / "b").mkdir(parents=True)
    (kernel / "max_user_watches").write_text("4\n")
    assert limits.inotify_shortage([root]) is None
    (kernel / "max_user_watches").write_text("3\n")
    assert "3 folders" in str(limits.inotify_shortage([root]))


def test_where_the_kernel_does_not_tell_there_is_no_shortage(kernel: Path, tmp_path: Path) -> None:
    assert list(kernel.iterdir()) == []
    assert limits.limit("max_user_watches") is None
    assert limits.inotify_shortage([tmp_path]) is None

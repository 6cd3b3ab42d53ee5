import os
import sys
from pathlib import Path

import pytest

from watcherd.errors import WatcherdError
from watcherd.service.accounts import NOBODY, Account, own_account, own_program, require_binding, require_reachable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what others may do")
STRANGER = Account("stranger", NOBODY, NOBODY, ())


def script(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_program_is_this_watcherd() -> None:
    program = own_program()
    assert Path(program[0]).parent == Path(sys.executable).parent
    assert program[1:] in {(), ("-m", "watcherd")}


def test_what_can_be_run_is_reachable(tmp_path: Path) -> None:
    require_reachable([str(script(tmp_path / "watcherd"))], own_account())


def test_a_program_that_fails_is_not_reachable_and_its_last_word_is_told(tmp_path: Path) -> None:
    program = script(tmp_path / "watcherd", "#!/bin/sh\necho first >&2; echo no module named watcherd >&2; exit 1\n")
    with pytest.raises(WatcherdError, match="no module named watcherd") as caught:
        require_reachable([str(program)], own_account())
    assert "--user" in caught.value.remedy


def test_a_program_that_is_not_there_is_not_reachable(tmp_path: Path) -> None:
    with pytest.raises(WatcherdError, match="No such file"):
        require_reachable([str(tmp_path / "watcherd")], own_account())


@needs_root
def test_a_folder_that_is_closed_to_the_service_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(WatcherdError, match="closed to it"):
        require_reachable([str(script(tmp_path / "watcherd"))], STRANGER)


@needs_root
def test_rights_are_those_of_the_account_and_not_of_root(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    assert own_account().may("-w", private)
    assert not STRANGER.may("-w", private)
    assert STRANGER.may("-x", Path("/usr/bin"))


def test_without_systemd_python_no_service_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("systemd", "systemd.daemon"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(WatcherdError, match="pip install systemd-python"):
        require_binding(["/usr/bin/watcherd"])

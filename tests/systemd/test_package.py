"""What ``make install`` puts into a package."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SYSTEMD = {
    "systemd/system/watcherd.service",
    "systemd/user/watcherd.service",
    "sysusers.d/watcherd.conf",
    "tmpfiles.d/watcherd.conf",
    "systemd/catalog/watcherd.catalog",
}
DOCUMENTS = {"README.md", "LICENSE", "config.example.toml"}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(target: str, folder: Path, **variables: str) -> None:
    environ = {"PATH": os.environ["PATH"], "DESTDIR": str(folder), **variables}
    subprocess.run(["make", "--silent", "-C", REPOSITORY, target], env=environ, check=True, stdout=subprocess.DEVNULL)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("prefix", "lib"), [("/usr", "usr/lib"), ("/usr/local", "usr/local/lib"), ("/opt/watcherd", "usr/lib")]
)
def test_a_package_has_its_files_where_systemd_looks_for_them(tmp_path: Path, prefix: str, lib: str) -> None:
    package = tmp_path / "a package"
    make("install", package, PREFIX=prefix)
    documents = f"{prefix[1:]}/share/doc/watcherd"
    assert files_in(package) == {f"{lib}/{file}" for file in SYSTEMD} | {f"{documents}/{file}" for file in DOCUMENTS}
    for kind in ("system", "user"):
        unit = package / lib / "systemd" / kind / "watcherd.service"
        assert unit.stat().st_mode & 0o777 == 0o644
        lines = unit.read_text("utf-8").splitlines()
        assert f"ExecStart={prefix}/bin/watcherd run" in lines
        assert f"ExecReload={prefix}/bin/watcherd reload" in lines

    make("uninstall", package, PREFIX=prefix)
    assert files_in(package) == set()


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd is not installed")
def test_systemd_finds_the_user_of_a_package(tmp_path: Path) -> None:
    make("install", tmp_path)
    found = subprocess.run(
        ["systemd-sysusers", "--dry-run", f"--root={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0
    assert "user 'watcherd' (Transcription of recordings)" in found.stderr

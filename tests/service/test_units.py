import os
from pathlib import Path

import pytest

from watcherd.errors import ConfigError
from watcherd.service.units import MARK, exec_words, folders_drop_in, path_word, shipped, unit

PROGRAM = ["/opt/my 100%/bin/watcherd"]
CONFIG = Path('/etc/my "own".toml')


@pytest.mark.parametrize("name", ["watcherd.service", "user/watcherd.service"])
def test_a_unit_runs_this_program_with_this_configuration(name: str) -> None:
    lines = unit(name, PROGRAM, CONFIG).splitlines()
    assert 'ExecStart="/opt/my 100%%/bin/watcherd" run' in lines
    assert 'ExecReload="/opt/my 100%%/bin/watcherd" reload' in lines
    assert 'Environment="WATCHERD_CONFIG=/etc/my \\"own\\".toml"' in lines


def test_a_program_of_several_words_is_quoted_word_by_word() -> None:
    assert exec_words(["/usr/bin/python3", "-m", "$HOME"]) == '"/usr/bin/python3" "-m" "$$HOME"'


@pytest.mark.parametrize(
    "name",
    [
        "user/watcherd.service",
        "watcherd.catalog",
        "watcherd.service",
        "watcherd.sysusers.conf",
        "watcherd.tmpfiles.conf",
    ],
)
def test_every_file_can_be_told_from_those_of_others(name: str) -> None:
    assert shipped(name).startswith(f"{MARK}\n#")


def test_the_folders_are_opened_whether_they_are_there_or_not() -> None:
    assert folders_drop_in([Path("/srv/a b"), Path("/srv/ä\\b")]).splitlines() == [
        MARK,
        "[Service]",
        'ReadWritePaths="-/srv/a b"',
        'ReadWritePaths="-/srv/ä\\\\b"',
    ]


@pytest.mark.parametrize("name", [b"two\nlines", b"caf\xe9"])
def test_a_folder_that_no_unit_can_name_is_refused_with_a_way_out(name: bytes) -> None:
    with pytest.raises(ConfigError, match="--user"):
        path_word(Path("/srv") / os.fsdecode(name))

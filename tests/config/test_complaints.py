import json
import textwrap
from pathlib import Path

import pytest

from tests.config.writing import ROOT, complaint, complaints, settings, write
from watcherd.config import load
from watcherd.config.lines import line_numbers
from watcherd.errors import ConfigError


def test_all_errors_are_told_at_once_in_the_order_of_the_lines(home: Path) -> None:
    lines = complaints(
        home,
        """\
        [model]
        id = 5
        dtype = "int4"
        batch_size = 0
        devise = "cpu"

        [[watch]]
        path = "gone"
        recursive = "yes"
        formats = "srt"

        [[watch]]
        settle = "1 fortnight"
        exclude = ["/absolute/**"]

        [subtitles]
        max_line_length = 5
        max_lines = "2"
        """,
    )
    assert lines == [
        '2: model.id: 5 is not text. Write it in quotes, as in id = "distil-whisper/distil-large-v3"',
        '3: model.dtype: "int4" is not possible here. Write "auto", "float16", "bfloat16", "float32" or "int8"',
        '4: model.batch_size: 0 is not a batch size. Write "auto" or a whole number from 1 on, such as 8',
        "5: model.devise: there is no key devise in [model]. Did you mean device?",
        f"8: watch[1].path: {home}/gone does not exist. Create it: mkdir -p {home}/gone",
        '9: watch[1].recursive: "yes" is neither true nor false. Write true or false, without quotes',
        '10: watch[1].formats: "srt" is not a list. Write it in brackets, as in formats = ["srt", "txt"]',
        '12: watch[2].path: path is missing in [[watch]]. Write path = "~/Sync/Recordings"',
        (
            '13: watch[2].settle: "1 fortnight" is not a duration. '
            'Write hours, minutes, seconds or milliseconds, such as "5s", "1m30s", "2h" or "500ms"'
        ),
        (
            '14: watch[2].exclude[1]: "/absolute/**" can match nothing: patterns are relative to the watched folder. '
            'Write one such as "drafts/**"'
        ),
        "17: subtitles.max_line_length: 5 is too small. Write 10 or more",
        '18: subtitles.max_lines: "2" is not a whole number. Write it without quotes, as in max_lines = 2',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("setings = 1", "there is no key setings. Known here: [[watch]], [model], [subtitles], [ledger]"),
        ("settle = '5s'", "there is no key settle. It belongs below [[watch]]"),
        ("language = 'en'", "there is no key language. It belongs below [[watch]] or [model]"),
        ("[Model]", "there is no table Model. Did you mean model?"),
        ("[model]\nformats = ['srt']", "there is no key formats in [model]. It belongs below [[watch]]"),
        ("[model]\nidle_unload_s = 5", "there is no key idle_unload_s in [model]. Did you mean idle_unload?"),
        ("[ledger]\nfile = 'x'", "there is no key file in [ledger]. Known here: path"),
        ("subtitles = 3", "3 is not a table. Write [subtitles] on a line of its own, and its keys below"),
        ("[model]\nbatch_size = true", 'true is not a batch size. Write "auto" or a whole number from 1 on, such as 8'),
        ("[model]\nid = ''", '"" is not a model. Write a Hub id, a folder, "packaged:base" or "packaged:tiny.en"'),
        ("[model]\nidle_unload = 'Never'", '"Never" is not a duration. Write "never" in small letters'),
        ("[subtitles]\nmax_lines = 5", "5 is too large. Write 4 or less"),
        ("[subtitles]\nmax_lines = 1.0", "1.0 is not a whole number. Write it without quotes, as in max_lines = 2"),
        ("[subtitles]\nmax_lines = true", "true is not a whole number. Write it without quotes, as in max_lines = 2"),
        ("[ledger]\npath = 5", '5 is not a path. Write it in quotes, as in path = "/var/lib/watcherd/ledger.sqlite3"'),
        ("[ledger]\npath = '~nobody-of-this-name/x'", "the home folder that"),
    ],
)
def test_single_errors(home: Path, text: str, expected: str) -> None:
    assert f": {expected}" in complaint(home, f"{text}\n{textwrap.dedent(ROOT)}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("formats = []", "no sidecar format is left. Write one or more of "),
        ("formats = ['srt', 'srt']", '["srt", "srt"] names a format twice. Name each one once'),
        ("formats = ['SRT']", '"SRT" is not a sidecar format. Did you mean "srt"?'),
        ("formats = ['docx']", '"docx" is not a sidecar format. Write one or more of '),
        ("exclude = ['']", '"" is not a pattern. Write one such as "drafts/**" or "*.tmp.wav"'),
        ("exclude = ['../x']", '"../x" can match nothing: patterns are relative to the watched folder.'),
        ("exclude = ['!']", '"!" cannot be understood: nothing may end with a backslash, and [ needs its ]. Write one'),
        ("vocabulary = 'Grafana'", '"Grafana" is not a list'),
        ("vocabulary = ['Grafana', ' ']", '"" is not a word. Write words or names, such as ["Kowalczyk", "Grafana"]'),
        ("vocabulary = ['?']", '"?" is not a word.'),
        ('vocabulary = ["a\\nb"]', '"a\\nb" is not a word.'),
        (
            "vocabulary = ['Kowalczyk, Grafana']",
            '"Kowalczyk, Grafana" has a comma, which stands between entries. Write ["Kowalczyk", "Grafana"]',
        ),
        ("vocabulary = ['Grafana', 'Grafana']", '"Grafana" is there twice. Name each entry once'),
        (
            f"vocabulary = ['{61 * 'a'}']",
            '"' + 58 * "a" + "… is too long. Write single names and terms, of 60 characters at",
        ),
        (f"vocabulary = {list(map(str, range(112)))}", "112 entries are more than any model takes. Keep the most"),
        ("mode = 'event'", '"event" is not possible here. Write "auto", "events" or "poll"'),
        ("output_dir = 5", '5 is not a path. Write it in quotes, as in output_dir = "~/Transcripts"'),
        ("language_suffix = 'en'", '"en" is neither true nor false. Write true or false, without quotes'),
        ("sync_conflicts = true", 'true is not possible here. Write "skip" or "transcribe"'),
    ],
)
def test_single_errors_of_a_folder(home: Path, line: str, expected: str) -> None:
    assert f": {expected}" in complaint(home, f"{ROOT}    {line}")


@pytest.mark.parametrize("pattern", ["!", "drafts\\", "a/\\", "!\\", "!  ", "[z-a].wav", "[", "a[b", "[[:alpha:]].wav"])
def test_what_is_no_pattern(home: Path, pattern: str) -> None:
    assert f"{json.dumps(pattern)} cannot be understood" in complaint(
        home, f"{ROOT}    exclude = [{json.dumps(pattern)}]"
    )


@pytest.mark.parametrize("pattern", ["#1.wav", "\\!important.wav", "!kept.wav", "[ab].wav", "**", "a\\ "])
def test_what_is_a_pattern(home: Path, pattern: str) -> None:
    assert settings(home, f"{ROOT}    exclude = [{json.dumps(pattern)}]").watch[0].exclude == (pattern,)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:11"])
def test_devices(home: Path, device: str) -> None:
    assert settings(home, f"{ROOT}\n[model]\ndevice = '{device}'").model.device == device


@pytest.mark.parametrize("device", ["", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:0\n", "mps"])
def test_what_is_not_a_device(home: Path, device: str) -> None:
    assert "is not a device. Write" in complaint(home, f"{ROOT}\n[model]\ndevice = {json.dumps(device)}")


@pytest.mark.parametrize("text", ["", "watch = []", "[model]"])
def test_nothing_to_watch(home: Path, text: str) -> None:
    line = complaint(home, text)
    assert 'there is no folder to watch. Write [[watch]] and, below it, path = "~/Sync/Recordings"' in line


def test_one_bracket_too_few(home: Path) -> None:
    assert "Write [[watch]], in two brackets" in complaint(home, "[watch]\npath = 'in'")


@pytest.mark.parametrize(
    ("text", "expected"), [("watch = 5", "5 is not a list of tables"), ("watch = [5]", "5 is not a table")]
)
def test_watch_that_is_no_table(home: Path, text: str, expected: str) -> None:
    assert expected in complaint(home, text)


# The file


def test_broken_toml_is_told_with_line_and_column(home: Path) -> None:
    line = complaint(home, "[[watch]]\npath = in\n")
    assert line.startswith('2: not valid TOML at column 8: invalid value, in "path = in". Text needs quotes')


@pytest.mark.parametrize("text", ["x = " + "[" * 1000, "x = " + "9" * 5000])
def test_toml_that_nobody_can_read(home: Path, text: str) -> None:
    assert "not usable as TOML" in complaint(home, text)


def test_a_file_that_is_not_utf8_is_told_with_its_line(home: Path) -> None:
    path = home / "config.toml"
    path.write_bytes(b'[[watch]]\npath = "caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"config\.toml:2: byte 0xe9 is not UTF-8. Save the file as UTF-8"):
        load(path)


def test_a_byte_order_mark_does_no_harm(home: Path) -> None:
    path = home / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[[watch]]\r\npath = "in"\r\n')
    assert load(path).watch[0].path == home / "in"


def test_a_missing_file_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.toml: this configuration does not exist. Copy config.example.toml"):
        load(tmp_path / "config.toml")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        load(tmp_path)


@pytest.mark.usefixtures("permissions_hold")
def test_an_unreadable_file(home: Path) -> None:
    path = write(home, ROOT)
    path.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load(path)


def test_lines_are_found_in_every_way_to_write_a_key() -> None:
    text = textwrap.dedent("""\
        subtitles.max_lines = 2

        [ model ]  # the model
        "id" = "x"
        [[watch]]
        exclude = [
          "a = 1",
        ]
        [[ watch ]]
          settle="1s"
        """)
    assert line_numbers(text) == {
        ("subtitles",): 1,
        ("subtitles", "max_lines"): 1,
        ("model",): 3,
        ("model", "id"): 4,
        ("watch",): 5,
        ("watch", 0): 5,
        ("watch", 0, "exclude"): 6,
        ("watch", 1): 9,
        ("watch", 1, "settle"): 10,
    }

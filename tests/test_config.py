import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import tomli

from watcherd.config import (
    LANGUAGES,
    LedgerSettings,
    ModelSettings,
    Settings,
    SubtitleSettings,
    WatchRoot,
    find_config,
    load,
)
from watcherd.config.explain import keys_of, tables_below
from watcherd.config.lines import line_numbers
from watcherd.errors import EXIT_CONFIG, ConfigError

REPOSITORY = Path(__file__).parents[1]
EXAMPLE = REPOSITORY / "config.example.toml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for config.toml, with a folder to watch in it."""
    (tmp_path / "in").mkdir()
    return tmp_path


def write(home: Path, text: str) -> Path:
    path = home / "config.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def settings(home: Path, text: str) -> Settings:
    return load(write(home, text))


def complaints(home: Path, text: str) -> list[str]:
    """The lines of the error below its heading, without the file's path."""
    with pytest.raises(ConfigError) as caught:
        settings(home, text)
    assert caught.value.exit_code == EXIT_CONFIG
    heading, *lines = str(caught.value).split("\n")
    path = home / "config.toml"
    assert heading == f"{path}: {len(lines)} error{'s' if len(lines) > 1 else ''}:"
    assert all(line.startswith(f"  {path}:") for line in lines)
    return [line.removeprefix(f"  {path}:") for line in lines]


def complaint(home: Path, text: str) -> str:
    (line,) = complaints(home, text)
    return line


ROOT = """
    [[watch]]
    path = "in"
"""


def test_the_shortest_file_gets_every_default(home: Path) -> None:
    loaded = settings(home, ROOT)
    assert loaded.watch == (WatchRoot(path=home / "in"),)
    assert loaded.model == ModelSettings()
    assert loaded.subtitles == SubtitleSettings()
    assert loaded.ledger == LedgerSettings()


def test_what_the_file_says_arrives(home: Path) -> None:
    (home / "other" / "notes").mkdir(parents=True)
    loaded = settings(
        home,
        """
        [model]
        id = "openai/whisper-tiny"
        device = "cuda:1"
        dtype = "bfloat16"
        batch_size = 4
        decoding = "accurate"
        word_times = true
        language = "German"
        idle_unload = "never"

        [[watch]]
        path = "in"
        recursive = false
        mode = "poll"
        settle = "1m30s"
        exclude = ["drafts/**", "*.tmp.wav"]
        vocabulary = [" Kowalczyk ", "Cafe\u0301"]
        sync_conflicts = "transcribe"
        language = "EN"
        formats = ["txt"]
        language_suffix = true
        output_dir = "other/notes"

        [[watch]]
        path = "other"

        [subtitles]
        max_line_length = 30
        max_lines = 3

        [ledger]
        path = "memory.sqlite3"
        """,
    )
    assert loaded.model == ModelSettings(
        id="openai/whisper-tiny",
        device="cuda:1",
        dtype="bfloat16",
        batch_size=4,
        decoding="accurate",
        word_times=True,
        language="de",
        idle_unload=None,
    )
    first, second = loaded.watch
    assert first == WatchRoot(
        path=home / "in",
        recursive=False,
        mode="poll",
        settle=90.0,
        exclude=("drafts/**", "*.tmp.wav"),
        vocabulary=("Kowalczyk", "Café"),
        sync_conflicts="transcribe",
        language="en",
        formats=("txt",),
        language_suffix=True,
        output_dir=home / "other" / "notes",
    )
    assert (loaded.language_of(first), loaded.language_of(second)) == ("en", "de")
    assert loaded.subtitles == SubtitleSettings(max_line_length=30, max_lines=3)
    assert loaded.ledger.path == home / "memory.sqlite3"


def test_settings_cannot_be_changed_and_survive_pickling(home: Path) -> None:
    loaded = settings(home, ROOT)
    with pytest.raises(ValueError, match="frozen"):
        loaded.model.id = "other"
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301  our own pickle


# The example


def test_the_example_is_accepted_and_holds_the_defaults(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "config.toml")
    (tmp_path / "recordings").mkdir()
    loaded = load(tmp_path / "config.toml")
    assert loaded == Settings(watch=(WatchRoot(path=tmp_path / "recordings"),))


def test_the_example_watches_the_folder_that_comes_with_the_repository() -> None:
    assert load(EXAMPLE).watch[0].path == REPOSITORY / "recordings"


def test_the_example_names_every_key() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    document: dict[str, Any] = tomli.loads(text)
    for header, table in tables_below(Settings).items():
        written = document[header][0] if header == "watch" else document[header]
        for key, field in keys_of(table).items():
            # A key whose default is to be absent is shown as a comment.
            assert key in written or (field.default is None and re.search(rf"(?m)^# {key} = ", text)), (header, key)
    assert set(document) == set(keys_of(Settings))


# Durations


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('"5s"', 5.0),
        ('"1m30s"', 90.0),
        ('"30m"', 1800.0),
        ('"2h"', 7200.0),
        ('"500ms"', 0.5),
        ('"1.5s"', 1.5),
        ('"168h"', 604800.0),
        ('"7"', 7.0),
        ("7", 7.0),
        ("0.25", 0.25),
        ("0", 0.0),
    ],
)
def test_durations(home: Path, written: str, seconds: float) -> None:
    assert settings(home, f"{ROOT}    settle = {written}").watch[0].settle_s == seconds


@pytest.mark.parametrize(
    "written",
    [
        '""',
        '"5 s"',
        '"s"',
        '"-5s"',
        '"5S"',
        '"30s1m"',
        '"5d"',
        '"five"',
        '"\u0665s"',
        "-1",
        "nan",
        "true",
        "[5]",
        "2026-01-01",
    ],
)
def test_what_is_not_a_duration(home: Path, written: str) -> None:
    line = complaint(home, f"{ROOT}    settle = {written}")
    assert line.startswith("4: watch[1].settle: ")
    assert line.endswith(
        'is not a duration. Write hours, minutes, seconds or milliseconds, such as "5s", "1m30s", "2h" or "500ms"'
    )


@pytest.mark.parametrize("written", ['"169h"', "604801", "inf", "9" * 400, f'"{"9" * 400}h"'])
def test_a_duration_beyond_a_week_is_a_slip_of_the_pen(home: Path, written: str) -> None:
    assert complaint(home, f"{ROOT}    settle = {written}").endswith('is longer than a week. Write at most "168h"')


# Languages


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("auto", "auto"),
        ("AUTO", "auto"),
        ("de", "de"),
        ("German", "de"),
        ("castilian", "es"),
        ("nb", "no"),
        ("jv", "jw"),
    ],
)
def test_languages_by_code_and_by_english_name(home: Path, written: str, code: str) -> None:
    assert settings(home, f'{ROOT}\n[model]\nlanguage = "{written}"').model.language == code


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("germn", 'Did you mean "de" (german)?'),
        ("en-US", 'Did you mean "en" (english)?'),
        ("pt_BR", 'Did you mean "pt" (portuguese)?'),
        ("klingon", 'Write "auto" or a code such as "en", "de" or "es"'),
    ],
)
def test_a_language_that_whisper_does_not_know(home: Path, written: str, remedy: str) -> None:
    line = complaint(home, f'{ROOT}    language = "{written}"')
    assert line == f'4: watch[1].language: "{written}" is not a language that Whisper knows. {remedy}'


def test_the_languages_are_those_of_the_library() -> None:
    script = """
        import json
        from transformers.models.whisper.tokenization_whisper import LANGUAGES
        print(json.dumps(LANGUAGES))
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(answer) == LANGUAGES


# Errors


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


@pytest.fixture
def permissions_hold(tmp_path: Path) -> None:
    """What follows needs a user whom the mode of a file keeps out."""
    closed = tmp_path / "closed"
    closed.touch(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")


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


# Folders


def test_a_missing_folder_is_told_with_the_command_that_makes_it(home: Path) -> None:
    line = complaint(home, '[[watch]]\npath = "my recordings"')
    assert line == (
        f"2: watch[1].path: {home}/my recordings does not exist. Create it: mkdir -p '{home}/my recordings'"
    )


def test_a_file_is_not_a_folder(home: Path) -> None:
    assert "config.toml is not a folder" in complaint(home, '[[watch]]\npath = "config.toml"')


def test_a_dangling_link_says_where_it_leads(home: Path) -> None:
    (home / "link").symlink_to("/nowhere/at-all")
    line = complaint(home, '[[watch]]\npath = "link"')
    assert "link is a symbolic link to /nowhere/at-all, which does not exist" in line


def test_links_that_lead_in_a_circle(home: Path) -> None:
    (home / "link").symlink_to("link")
    assert f"{home}/link" in complaint(home, '[[watch]]\npath = "link"')


@pytest.mark.usefixtures("permissions_hold")
@pytest.mark.parametrize("mode", [0, 0o400, 0o100])
def test_a_folder_that_cannot_be_read(home: Path, mode: int) -> None:
    (home / "in").chmod(mode)
    try:
        assert "in cannot be read by this user" in complaint(home, ROOT)
    finally:
        (home / "in").chmod(0o700)


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_below_one_that_cannot_be_entered(home: Path) -> None:
    (home / "in" / "below").mkdir()
    (home / "in").chmod(0)
    try:
        assert "below cannot be read by this user" in complaint(home, '[[watch]]\npath = "in/below"')
    finally:
        (home / "in").chmod(0o700)


def test_sidecars_need_a_folder_that_is_there(home: Path) -> None:
    line = complaint(home, f"{ROOT}    output_dir = 'gone'")
    assert f"watch[1].output_dir: {home}/gone does not exist. Create it: mkdir -p {home}/gone" in line


def test_sidecars_go_beside_their_recordings_without_a_word(home: Path) -> None:
    line = complaint(home, f"{ROOT}    output_dir = './in/'")
    assert f": {home}/in is the watched folder itself, where sidecars go anyway. Leave the key out" in line


def test_sidecars_do_not_go_where_another_folder_is_watched(home: Path) -> None:
    (home / "other").mkdir()
    line = complaint(home, '[[watch]]\npath = "in"\noutput_dir = "other"\n[[watch]]\npath = "other"\n')
    assert f": {home}/other is watched itself, as watch[2].path. Name a folder for sidecars alone" in line


@pytest.mark.parametrize("place", ["in/notes", "other/notes", "."])
def test_sidecars_may_go_into_any_other_folder(home: Path, place: str) -> None:
    (home / "other").mkdir()
    (home / place).mkdir(exist_ok=True)
    loaded = settings(home, f'[[watch]]\npath = "in"\noutput_dir = "{place}"\n[[watch]]\npath = "other"\n')
    assert loaded.watch[0].output_dir == home / place


def two_roots(home: Path, first: str, second: str) -> str:
    return complaint(home, f"[[watch]]\npath = {json.dumps(first)}\n[[watch]]\npath = {json.dumps(second)}")


def test_the_same_folder_twice(home: Path) -> None:
    assert f"4: watch[2].path: {home}/in is the same folder as watch[1].path" in two_roots(home, "in", "./in/")


def test_the_same_folder_through_a_link(home: Path) -> None:
    (home / "link").symlink_to("in")
    assert f"{home}/link is the same folder as watch[1].path" in two_roots(home, "in", "link")


def test_a_folder_inside_another(home: Path) -> None:
    (home / "in" / "deep" / "below").mkdir(parents=True)
    assert f"below lies inside watch[1].path, {home}/in" in two_roots(home, "in", "in/deep/below")
    assert f"in holds watch[1].path, {home}/in/deep/below" in two_roots(home, "in/deep/below", "in")


def test_a_folder_inside_another_through_a_link(home: Path) -> None:
    (home / "in" / "below").mkdir()
    (home / "link").symlink_to("in/below")
    assert f"link lies inside watch[1].path, {home}/in" in two_roots(home, "in", "link")


def test_neighbours_with_similar_names_are_two_folders(home: Path) -> None:
    (home / "in-2").mkdir()
    assert len(settings(home, "[[watch]]\npath = 'in'\n[[watch]]\npath = 'in-2'").watch) == 2


def test_a_root_keeps_the_name_that_it_was_given(home: Path) -> None:
    (home / "link").symlink_to("in")
    assert settings(home, "[[watch]]\npath = 'link'").watch[0].path == home / "link"


def test_a_tilde_is_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert settings(home, "[[watch]]\npath = '~/in'").watch[0].path == home / "in"


def test_a_dollar_is_part_of_a_name(home: Path) -> None:
    (home / "$HOME").mkdir()
    assert settings(home, "[[watch]]\npath = '$HOME'").watch[0].path == home / "$HOME"


def test_paths_are_relative_to_the_file_wherever_the_daemon_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, f"{ROOT}\n[model]\nid = './whisper'\n[ledger]\npath = 'l.sqlite3'")
    monkeypatch.chdir(home / "in")
    loaded = load(Path("../config.toml"))
    assert loaded.watch[0].path == home / "in"
    assert loaded.model.id == str(home / "whisper")
    assert loaded.ledger.path == home / "l.sqlite3"


# The ledger's place


def test_the_ledger_lies_in_the_state_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = Path(os.environ["XDG_STATE_HOME"])
    assert settings(home, ROOT).ledger.path == state / "watcherd" / "ledger.sqlite3"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/watcherd:/var/lib/other")
    assert settings(home, ROOT).ledger.path == Path("/var/lib/watcherd/ledger.sqlite3")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/somebody")
    expected = Path("/home/somebody/.local/state/watcherd/ledger.sqlite3")
    assert settings(home, f"{ROOT}\n[ledger]\npath = ''").ledger.path == expected


@pytest.mark.parametrize("place", ["in/ledger.sqlite3", "in/not/yet/there/ledger.sqlite3", "link/ledger.sqlite3"])
def test_a_ledger_in_a_watched_folder_is_refused(home: Path, place: str) -> None:
    (home / "link").symlink_to("in")
    line = complaint(home, f"{textwrap.dedent(ROOT)}\n[ledger]\npath = '{place}'")
    assert line.startswith(f"6: ledger.path: {home}/{place} lies inside a watched folder")


def test_a_watched_folder_around_the_default_ledger_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "in" / "state"))
    assert " ledger.path: " in complaint(home, ROOT)


def test_a_folder_in_the_place_of_the_ledger(home: Path) -> None:
    assert "is a folder. Write the path of a file" in complaint(home, f"{ROOT}\n[ledger]\npath = '.'")


@pytest.mark.usefixtures("permissions_hold")
def test_a_ledger_out_of_reach_is_left_to_whoever_opens_it(home: Path) -> None:
    (home / "private").mkdir(mode=0)
    expected = home / "private" / "ledger.sqlite3"
    assert settings(home, f"{ROOT}\n[ledger]\npath = 'private/ledger.sqlite3'").ledger.path == expected


# Which file


@pytest.fixture
def no_system_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "config.toml"
    monkeypatch.setattr("watcherd.config.files.SYSTEM_CONFIG", path)
    return path


def test_the_order_in_which_a_configuration_is_looked_for(tmp_path: Path, no_system_config: Path) -> None:
    environ = {"WATCHERD_CONFIG": "/by/variable.toml", "XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    user = tmp_path / "xdg" / "watcherd" / "config.toml"
    below_home = tmp_path / ".config" / "watcherd" / "config.toml"
    for path in (user, below_home, no_system_config):
        path.parent.mkdir(parents=True)
        path.touch()

    assert find_config(Path("given.toml"), environ) == Path("given.toml")
    assert find_config(None, environ) == Path("/by/variable.toml")
    del environ["WATCHERD_CONFIG"]
    assert find_config(None, environ) == user
    del environ["XDG_CONFIG_HOME"]
    assert find_config(None, environ) == below_home
    below_home.unlink()
    assert find_config(None, environ) == no_system_config


def test_no_configuration_anywhere_names_the_places(tmp_path: Path, no_system_config: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_config(None, {"HOME": str(tmp_path)})
    message = str(caught.value)
    user = tmp_path / ".config" / "watcherd" / "config.toml"
    assert f"looked at: -c FILE, $WATCHERD_CONFIG, {user}, {no_system_config}" in message
    assert f"Copy config.example.toml to {user}" in message
    assert caught.value.exit_code == EXIT_CONFIG


# Without a file, and over one


def test_a_folder_alone_is_a_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    made = Settings.for_folder(Path("in"), "packaged:base", Path("ledger.sqlite3"))
    assert made == settings(home, f"{ROOT}\n[model]\nid = 'packaged:base'\n[ledger]\npath = 'ledger.sqlite3'")
    assert Settings.for_folder(home / "in") == settings(home, ROOT)


def test_a_folder_whose_name_is_not_utf8_can_be_watched(home: Path) -> None:
    folder = home / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    assert Settings.for_folder(folder).watch[0].path == folder


def test_a_folder_that_is_not_there_is_told_without_a_file(home: Path) -> None:
    folder = home / os.fsdecode(b"caf\xe9")
    with pytest.raises(ConfigError) as caught:
        Settings.for_folder(folder)
    assert str(caught.value) == f"{home}/caf\\xe9 does not exist. Create it: mkdir -p '{home}/caf\\xe9'"


def test_another_model_on_the_command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings(home, f"{ROOT}\n[model]\nlanguage = 'de'\nidle_unload = 'never'\nbatch_size = 2")
    monkeypatch.chdir(home)
    changed = loaded.with_model("./whisper")
    assert changed.model == ModelSettings(id=str(home / "whisper"), language="de", idle_unload=None, batch_size=2)
    assert changed.watch == loaded.watch
    with pytest.raises(ConfigError, match='"" is not a model'):
        loaded.with_model("")


def test_another_folder_on_the_command_line(home: Path) -> None:
    (home / "other").mkdir()
    loaded = settings(home, f"{ROOT}    settle = '1s'\n[model]\nid = 'packaged:base'\n[ledger]\npath = 'l.sqlite3'")
    changed = loaded.with_watch(home / "other")
    assert changed.watch == (WatchRoot(path=home / "other"),)
    assert (changed.model, changed.ledger) == (loaded.model, loaded.ledger)
    assert loaded.with_watch(home / "in").watch[0].settle_s == 1.0
    with pytest.raises(ConfigError, match="does not exist"):
        loaded.with_watch(home / "gone")
    with pytest.raises(ConfigError, match="lies inside a watched folder"):
        loaded.with_watch(home)


def test_reading_a_configuration_costs_little_memory(home: Path) -> None:
    """The daemon is to idle below 80 MB, and this is only a part of it."""
    script = """
        import pathlib, sys
        from watcherd.config import load
        load(pathlib.Path(sys.argv[1]))
        print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), write(home, ROOT)], check=True, capture_output=True, text=True
    )
    assert int(answer.stdout) < 50_000  # KB

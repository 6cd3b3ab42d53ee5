import json
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

from tests.config.writing import ROOT, complaint, settings, write
from watcherd.config import LANGUAGES, LedgerSettings, ModelSettings, Settings, SubtitleSettings, WatchRoot, load
from watcherd.config.explain import keys_of, tables_below

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "config.example.toml"


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

import ast
import logging
import os
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from watcherd.errors import ConfigError, EngineDiedError, MediaError, PublishBlockedError
from watcherd.ledger.states import State
from watcherd.service.events import Event, Facts, fields, log, message, told
from watcherd.service.journal import NOTICE

PACKAGE = Path(__file__).parents[2] / "watcherd"
ROOT = Path("/srv/sync")
PATH = ROOT / "2026" / "memo.m4a"


# The catalogue


def test_ids_are_128_bits_and_no_two_kinds_share_one() -> None:
    ids = [event.value.message_id for event in Event]
    assert all(re.fullmatch("[0-9a-f]{32}", message_id) for message_id in ids)
    assert len(set(ids)) == len(ids)


def test_every_error_says_what_to_do() -> None:
    errors = [event for event in Event if event.value.level >= logging.ERROR]
    assert errors
    assert [event for event in errors if not event.value.remedy] == []


@pytest.mark.parametrize("event", Event)
def test_a_sentence_is_one_line_made_of_known_facts(event: Event) -> None:
    text = event.value.text
    assert set(re.findall(r"{([^}]*)}", text)) <= {*get_type_hints(Facts), "speed"}
    assert "\n" not in text + event.value.remedy
    assert not text.endswith(".")
    assert not event.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (Event.DONE, NOTICE),
        (Event.RETRY, logging.WARNING),
        (Event.BLOCKED, logging.ERROR),
        (Event.FAILED, logging.ERROR),
        (Event.FOUND, logging.INFO),
        (Event.IGNORED, logging.DEBUG),
    ],
)
def test_levels_that_queries_rely_on(event: Event, level: int) -> None:
    assert event.value.level == level


def logged() -> list[tuple[str, str, frozenset[str]]]:
    """Every ``log(Event.NAME, fact=…)`` of the package: where, which event, which facts."""
    calls = []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="log"),
                    args=[ast.Attribute(value=ast.Name(id="Event"), attr=name)],
                    keywords=keywords,
                ):
                    where = f"{file.relative_to(PACKAGE)}:{node.lineno}"
                    calls.append((where, name, frozenset(keyword.arg or "" for keyword in keywords)))
    return calls


def test_every_event_is_logged_with_the_facts_that_its_sentence_needs() -> None:
    calls = logged()
    assert calls, "the pattern above finds no call any more"
    assert [(where, name) for where, name, _ in calls if name not in Event.__members__] == []
    lacking = [(where, name, told(Event[name]) - facts) for where, name, facts in calls]
    assert [entry for entry in lacking if entry[2]] == []


# Sentences


@pytest.mark.parametrize(
    ("event", "facts", "expected"),
    [
        (
            Event.STARTING,
            Facts(version="0.1.0", folders=[ROOT, Path("/b")], model="packaged:base"),
            "watcherd 0.1.0 is starting with the model packaged:base, for /srv/sync, /b",
        ),
        (
            Event.MODEL_LOADED,
            Facts(model="packaged:base", device="cpu", dtype="float32", elapsed_s=1.24),
            "the model packaged:base is ready on cpu as float32, loaded in 1.2 s",
        ),
        (
            Event.DONE,
            Facts(path=PATH, root=ROOT, sidecars=[PATH.with_suffix(".srt"), PATH.with_suffix(".txt")]),
            "2026/memo.m4a: done, wrote memo.srt, memo.txt",
        ),
        (
            Event.DONE,
            Facts(path=PATH, root=ROOT, sidecars=[PATH.with_suffix(".srt")], audio_ms=372_000, elapsed_s=6.2),
            "2026/memo.m4a: done, 6 min 12 s of audio in 6.2 s (60 x realtime), wrote memo.srt",
        ),
        (Event.DONE, Facts(path=PATH, sidecars=[]), "/srv/sync/2026/memo.m4a: done, wrote nothing"),
        (
            Event.TRANSCRIBED,
            Facts(path=PATH, root=ROOT, audio_ms=13_000, elapsed_s=9.0, compute_s=4.0),
            "2026/memo.m4a: transcribed, 13.0 s of audio in 9.0 s (3.2 x realtime)",
        ),
        (
            Event.NO_SPEECH,
            Facts(path=PATH, root=ROOT, audio_ms=1_000, sidecars=[PATH.with_suffix(".txt")]),
            "2026/memo.m4a: nobody speaks in 1.0 s of audio, wrote memo.txt",
        ),
        (
            Event.RETRY,
            Facts(path=PATH, root=ROOT, attempt=2, retry_in_s=90.0, error=EngineDiedError("the engine was killed")),
            "2026/memo.m4a: attempt 2: the engine was killed; it is tried again in 1 min 30 s",
        ),
        (Event.PROGRESS, Facts(path=PATH, root=ROOT, progress=0.999), "2026/memo.m4a: 99 %"),
        (
            Event.KNOWN_CONTENT,
            Facts(path=PATH, root=ROOT, old_path=ROOT / "old.m4a", state=State.DONE),
            "2026/memo.m4a: known already as old.m4a (done), not transcribed twice",
        ),
        (
            Event.ENGINE_DIED,
            Facts(how="was killed by SIGKILL", paths=[PATH], attempt=1, attempts=3),
            "the engine was killed by SIGKILL while it had /srv/sync/2026/memo.m4a in hand, attempt 1 of 3",
        ),
        (
            Event.SIDECAR_KEPT,
            Facts(path=PATH, root=ROOT, sidecar=PATH.with_suffix(".srt")),
            "2026/memo.m4a: memo.srt is not from watcherd, or was edited, and stays as it is",
        ),
        (Event.SCANNED, Facts(root=ROOT, recordings=1), "/srv/sync: looked through, 1 recording there"),
        (Event.SCANNED, Facts(root=ROOT), "/srv/sync: looked through"),
    ],
)
def test_sentences(event: Event, facts: Facts, expected: str) -> None:
    assert message(event, facts) == expected


def test_the_remedy_of_the_error_goes_before_that_of_the_event() -> None:
    error = PublishBlockedError("the folder is read-only", remedy="Make it writable")
    assert message(Event.BLOCKED, Facts(path=PATH, root=ROOT, error=error)) == (
        "2026/memo.m4a: blocked, the folder is read-only. Make it writable"
    )
    without = message(Event.BLOCKED, Facts(path=PATH, root=ROOT, error=PublishBlockedError("the disk is full")))
    assert without == "2026/memo.m4a: blocked, the disk is full. It is tried again by itself when that is put right"


def test_names_and_problems_from_outside_stay_on_one_readable_line() -> None:
    path = ROOT / os.fsdecode(b"two\nlines \xff.mp3")
    said = message(Event.FAILED, Facts(path=path, root=ROOT, error=MediaError("moov atom\nnot found\x07\n")))
    assert said.startswith("two\\x0alines \\xff.mp3: failed, moov atom; not found\\x07. ")


def test_the_complaints_about_a_configuration_keep_their_lines() -> None:
    error = ConfigError("2 errors:\n  one\n  two", path=Path("config.toml"))
    said = message(Event.CONFIG_REFUSED, Facts(config=Path("config.toml"), error=error))
    assert said.splitlines()[1:] == ["  one", "  two. Correct the file and reload again"]


def test_a_fact_that_is_missing_leaves_a_mark_and_harms_nobody() -> None:
    assert message(Event.STARTED, Facts()) == "?: started"


# Fields


def test_the_fields_of_a_story() -> None:
    facts = Facts(
        path=PATH,
        root=ROOT,
        sidecars=[PATH.with_suffix(".srt"), PATH.with_suffix(".txt")],
        audio_ms=10_000,
        elapsed_s=2.5,
        language="en",
        model="packaged:base",
        device="cpu",
        attempt=1,
    )
    assert fields(Event.DONE, facts) == {
        "MESSAGE_ID": Event.DONE.value.message_id,
        "WATCHERD_STATE": "done",
        "WATCHERD_PATH": b"/srv/sync/2026/memo.m4a",
        "WATCHERD_ROOT": b"/srv/sync",
        "WATCHERD_SIDECAR": (b"/srv/sync/2026/memo.srt", b"/srv/sync/2026/memo.txt"),
        "WATCHERD_AUDIO_USEC": 10_000_000,
        "WATCHERD_ELAPSED_USEC": 2_500_000,
        "WATCHERD_RTF": "0.2500",
        "WATCHERD_LANGUAGE": "en",
        "WATCHERD_MODEL": "packaged:base",
        "WATCHERD_DEVICE": "cpu",
        "WATCHERD_ATTEMPT": 1,
    }


def test_a_fact_that_is_not_known_is_no_field() -> None:
    assert fields(Event.DONE, Facts(path=PATH, sidecars=[], language=None, device=None)).keys() == {
        "MESSAGE_ID",
        "WATCHERD_STATE",
        "WATCHERD_PATH",
        "WATCHERD_SIDECAR",
    }


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    assert fields(Event.STARTED, Facts(path=Path(os.fsdecode(b"/\xff.mp3"))))["WATCHERD_PATH"] == b"/\xff.mp3"


def test_a_move_belongs_to_the_story_of_both_names() -> None:
    found = fields(Event.KNOWN_CONTENT, Facts(path=PATH, old_path=ROOT / "old.m4a", state=State.DONE))
    assert found["WATCHERD_PATH"] == (b"/srv/sync/2026/memo.m4a", b"/srv/sync/old.m4a")
    assert found["WATCHERD_STATE"] == "done"


def test_an_error_gives_its_class_and_the_number_of_its_cause() -> None:
    error = PublishBlockedError("the disk is full")
    error.__cause__ = OSError(28, "No space left on device")
    found = fields(Event.BLOCKED, Facts(path=PATH, error=error))
    assert (found["WATCHERD_ERROR_CLASS"], found["ERRNO"]) == ("blocked", 28)


def test_a_line_names_the_place_that_logged_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="watcherd"):
        log(Event.FOUND, path=PATH, root=ROOT)
    (record,) = caplog.records
    assert record.funcName == "test_a_line_names_the_place_that_logged_it"
    assert record.getMessage() == "2026/memo.m4a: found, waiting for its turn"
    assert record.__dict__["WATCHERD_STATE"] == "pending"


def test_what_nobody_listens_to_costs_no_sentence(caplog: pytest.LogCaptureFixture) -> None:
    class Unspeakable(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise AssertionError

    with caplog.at_level(logging.INFO, logger="watcherd"):
        log(Event.IGNORED, path=PATH, why=Unspeakable())
    with caplog.at_level(logging.DEBUG, logger="watcherd"), pytest.raises(AssertionError):
        log(Event.IGNORED, path=PATH, why=Unspeakable())

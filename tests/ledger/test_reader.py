from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ledger.conftest import SPEECH
from watcherd.errors import LedgerError, MediaError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.records import StatKey
from watcherd.ledger.schema import NoLedgerError
from watcherd.ledger.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ledger.conftest import Desk

KEY = StatKey(1, 2, 3, 4, 5)


def test_a_file_is_known_by_its_path_and_the_whole_of_its_stat_key(desk: Desk) -> None:
    desk.ledger.paths.bind(desk.path("a.mp3"), KEY, desk.sha("c"))
    read = desk.ledger.read

    assert read.is_known(desk.path("a.mp3"), KEY)
    assert not read.is_known(desk.path("b.mp3"), KEY)
    for other in (StatKey(9, 2, 3, 4, 5), StatKey(1, 9, 3, 4, 5), StatKey(1, 2, 9, 4, 5), StatKey(1, 2, 3, 9, 5)):
        assert not read.is_known(desk.path("a.mp3"), other)
    assert not read.is_known(desk.path("a.mp3"), StatKey(1, 2, 3, 4, 9))


def test_a_content_is_known_even_when_no_path_holds_it(desk: Desk) -> None:
    desk.bring_to(State.SUPERSEDED)

    assert desk.ledger.read.knows_content(desk.sha("c"))
    assert not desk.ledger.read.knows_content(desk.sha("other"))


def test_missing_paths_are_those_below_the_root_that_a_scan_did_not_see(desk: Desk) -> None:
    for number, name in enumerate(("x/a.mp3", "x/sub/b.mp3", "x/sub/c.mp3", "x-other/d.mp3", "x0/e.mp3", "x.mp3")):
        desk.bind(name, f"c{number}")

    missing = desk.ledger.read.missing(desk.path("x"), {os.fsencode(desk.path("x/sub/b.mp3"))})

    assert missing == [desk.path("x/a.mp3"), desk.path("x/sub/c.mp3")]


def test_everything_below_a_folder_is_found(desk: Desk) -> None:
    desk.bind("x/a.mp3", "a")
    desk.bind("x/sub/b.mp3", "b")
    desk.bind("xy.mp3", "c")

    assert [known.path for known in desk.ledger.read.paths_under(desk.path("x"))] == [
        desk.path("x/a.mp3"),
        desk.path("x/sub/b.mp3"),
    ]


def test_paths_of_a_content_come_in_the_order_in_which_they_were_bound(desk: Desk) -> None:
    content_id = desk.bind("z.mp3", "c").content_id
    desk.bind("a.mp3", "c")

    assert [known.path.name for known in desk.ledger.read.paths_of(content_id)] == ["z.mp3", "a.mp3"]


def test_a_doubt_about_the_language_is_listed_and_goes_with_lent_results(desk: Desk) -> None:
    desk.bind("a.mp3", "a", "sound")
    desk.transcribe(replace(SPEECH, language_suspect=True))
    desk.bind("retagged.mp3", "b", "sound")

    assert [entry.language_suspect for entry in desk.ledger.read.entries()] == [True, True]


def test_an_entry_says_in_json_what_the_contract_promises(desk: Desk) -> None:
    desk.bind("caf\udce9.mp3", "c")
    desk.transcribe()
    [publication] = desk.due()
    for name, content in (("caf\udce9.txt", "text"), ("caf\udce9.srt", "subtitles")):
        desk.ledger.publishing.intend(publication, desk.path(name), name[-3:], desk.sha(content))
        desk.ledger.publishing.written(desk.path(name))
    desk.ledger.publishing.published(publication)

    [entry] = desk.ledger.read.entries()

    assert json.loads(json.dumps(entry.to_dict())) == {
        "path": "/rec/caf\udce9.mp3",
        "state": "done",
        "sha256": "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6",
        "duration_s": 2.5,
        "language": "en",
        "language_suspect": False,
        "model": "packaged:base",
        "attempts": 1,
        "error_class": None,
        "error": None,
        "remedy": None,
        "retry_at": None,
        "sidecars": ["/rec/caf\udce9.srt", "/rec/caf\udce9.txt"],
        "transcribed_s": 0.7,
        "finished_at": "2026-01-02T03:04:05.001+00:00",
    }


def test_a_sidecar_that_is_only_intended_is_not_listed(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.transcribe()
    [publication] = desk.due()

    desk.ledger.publishing.intend(publication, desk.path("a.srt"), "srt", desk.sha("x"))

    assert desk.entry("a.mp3").sidecars == ()


def test_entries_are_listed_by_name_and_filtered_by_the_state_that_people_see(desk: Desk) -> None:
    desk.bind("b.mp3", "b")
    desk.bind("a.mp3", "a")
    desk.ledger.paths.bind_unreadable(desk.path("c.mp3"), MediaError("permission denied"))
    read = desk.ledger.read

    assert [entry.path.name for entry in read.entries()] == ["a.mp3", "b.mp3", "c.mp3"]
    assert [entry.path.name for entry in read.entries(State.PENDING)] == ["a.mp3", "b.mp3"]
    assert [entry.path.name for entry in read.entries(State.BLOCKED)] == ["c.mp3"]
    assert list(read.entries(State.DONE)) == []


@pytest.mark.parametrize("state", State)
def test_counts_agree_with_the_list(desk: Desk, state: State) -> None:
    desk.bring_to(state)

    counts = desk.ledger.read.counts()

    assert counts == {each: 1 if each is state else 0 for each in State}
    assert len(list(desk.ledger.read.entries(state))) == 1


def test_events_tell_the_story_of_a_recording(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    work = desk.claim()
    desk.clock.advance(seconds=10)
    desk.ledger.queue.fail(work.content_id, MediaError("no audio stream"))

    events = desk.ledger.read.events(desk.path("a.mp3"))

    assert [(event.from_state, event.to_state, event.reason) for event in events] == [
        (None, State.PENDING, "new recording"),
        (State.PENDING, State.RUNNING, "its turn has come"),
        (State.RUNNING, State.FAILED, "no audio stream"),
    ]
    assert events[2].to_dict() == {
        "at": "2026-01-02T03:04:15.001+00:00",
        "from": "running",
        "to": "failed",
        "reason": "no audio stream",
    }
    assert desk.ledger.read.events(desk.path("unknown.mp3")) == []


def test_nothing_is_known_of_an_unknown_path(desk: Desk) -> None:
    unknown = desk.path("unknown.mp3")

    assert desk.ledger.read.entry(unknown) is None
    assert desk.ledger.read.path(unknown) is None
    assert desk.ledger.read.result(99) is None
    assert desk.ledger.read.sidecar_at(unknown) is None


def test_a_reader_sees_what_was_committed_and_cannot_write(desk: Desk) -> None:
    with Reader.open(desk.database) as reader:
        assert reader.entry(desk.path("a.mp3")) is None
        desk.bind("a.mp3", "c")
        assert reader.entry(desk.path("a.mp3")) is not None
        with pytest.raises(Exception, match="readonly"):
            reader._db.execute("DELETE FROM paths")


def test_a_ledger_that_nobody_has_made_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(NoLedgerError, match="watcherd run") as caught:
        Reader.open(tmp_path / "ledger.sqlite3")

    assert caught.value.exit_code == 78
    assert list(tmp_path.iterdir()) == []


def test_reading_an_empty_file_says_that_there_is_nothing_yet(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite3"
    database.touch()

    with pytest.raises(NoLedgerError, match="empty"):
        Reader.open(database)


def test_a_reader_does_not_read_what_a_newer_or_an_older_watcherd_wrote(desk: Desk) -> None:
    for version, words in ((999, "newer watcherd"), (-1, "older watcherd")):
        desk.ledger._db.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(LedgerError, match=words):
            Reader.open(desk.database)


def test_names_of_databases_may_hold_what_a_uri_reserves(tmp_path: Path) -> None:

    database = tmp_path / "what? #1 100%.sqlite3"
    with Ledger.open(database):
        Reader.open(database).close()

    assert database.exists()

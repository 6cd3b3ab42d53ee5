from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.conftest import Archive, on_terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def spoken(archive: Archive) -> Archive:
    archive.add("memo.m4a", "Good morning.", "The budget is too small.")
    archive.add("caf\udce9/call.mp3", "Nothing.", "What about the Budget?", "No budget.")
    return archive


def test_places_are_listed_by_recording_with_their_times(spoken: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    assert spoken.watcherd("search", "too", "small") == 0

    assert capfd.readouterr().out == (f"{spoken.folder}/memo.m4a\n  0:00:05  Good morning. The budget is too small.\n")


def test_json_has_what_the_contract_promises(spoken: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    assert spoken.watcherd("search", "--json", "small") == 0

    assert json.loads(capfd.readouterr().out) == [
        {
            "path": f"{spoken.folder}/memo.m4a",
            "start_s": 5.0,
            "text": "Good morning. The budget is too small.",
            "also_at": [],
        }
    ]


def test_nothing_found_is_no_failure(spoken: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    assert spoken.watcherd("search", "zebra") == 0
    assert capfd.readouterr() == ("", "nothing found\n")

    assert spoken.watcherd("search", "--json", '"') == 0
    assert json.loads(capfd.readouterr().out) == []


def test_without_a_ledger_nothing_is_found(archive: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    assert archive.watcherd("search", "anything") == 0
    assert capfd.readouterr().err == "nothing found\n"


def test_no_more_than_asked_for_is_shown_and_that_is_said(spoken: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    assert spoken.watcherd("search", "budget", "-n", "1") == 0
    out, err = capfd.readouterr()
    assert out.count("0:00:0") == 1
    assert err == "there are more than these 1; -n shows them\n"

    assert spoken.watcherd("search", "budget", "-n", "2") == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("limit", ["0", "-1", "many", "9" * 30])
def test_a_limit_that_is_none_is_wrong_usage(archive: Archive, limit: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        archive.watcherd("search", "budget", "-n", limit)
    assert "number of places" in capfd.readouterr().err


def test_words_that_begin_with_a_dash_follow_two(spoken: Archive) -> None:
    assert spoken.watcherd("search", "--", "--json", "-n") == 0


def test_a_terminal_gets_bold_words_in_lines_that_fit(spoken: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken.add("long.mp3", "The zebra " + "goes on and on and " * 10)
    terminal = on_terminal(monkeypatch, columns=40)

    assert spoken.watcherd("search", "zebra") == 0

    first, second, third, *_ = terminal.getvalue().splitlines()
    assert first == f"{spoken.folder}/long.mp3"
    assert second == "  0:00:00  The \x1b[1mzebra\x1b[0m goes on and on and"
    assert third == "           goes on and on and goes on"


def test_a_dumb_terminal_gets_plain_words(spoken: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch, columns=80)
    monkeypatch.setenv("TERM", "dumb")

    assert spoken.watcherd("search", "small") == 0

    assert "The budget is too small." in terminal.getvalue()


def test_show_wraps_the_transcript_to_the_terminal(spoken: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken.add("long.mp3", "我们今天讨论预算问题" * 4 + "。", "Second.")
    terminal = on_terminal(monkeypatch, columns=40)

    assert spoken.watcherd("show", spoken.folder / "long.mp3") == 0

    assert terminal.getvalue().endswith(
        "  0:00:00  我们今天讨论预算问题我们今天\n"
        "           讨论预算问题我们今天讨论预算\n"
        "           问题我们今天讨论预算问题。\n"
        "  0:00:05  Second.\n"
    )


def test_nothing_is_written(spoken: Archive, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    assert spoken.watcherd("search", "budget") == 0

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

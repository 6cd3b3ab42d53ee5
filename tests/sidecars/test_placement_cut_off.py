"""Placing that is cut off at any step, and done again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.sidecars.conftest import Shelf, srt
from watcherd.ledger.publishing import Publishing
from watcherd.ledger.states import State

STEPS = ["fsync", "link", "rename", "unlink"]
NOTES = ["intend", "written", "keep", "drop", "published"]


class CutOffError(BaseException):
    """As if the power went: nothing but the test may catch it."""


@contextmanager
def cut_off_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the first so many steps happen, on the disk and in the ledger, and nothing at all after them."""
    steps = 0

    def guarded(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def step(*args: object, **kwargs: object) -> object:
            nonlocal steps
            if steps >= count:
                raise CutOffError
            steps += 1
            return real(*args, **kwargs)

        patch.setattr(owner, name, step)

    with monkeypatch.context() as patch:
        for name in NOTES:
            guarded(Publishing, name)
        for name in STEPS:
            guarded(os, name)
        yield


def prepare_first(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_new_content(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello bear.")
    shelf.publish()
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_move(shelf: Shelf) -> set[str]:
    recording = shelf.record("old.mp3", "Hello there.")
    shelf.publish()
    recording.rename(shelf.folder / "talk.mp3")
    return {"talk.mp3", "talk.srt", "talk.txt"}


def prepare_edited(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello bear.")
    shelf.publish()
    (shelf.folder / "talk.txt").write_text("edited")
    shelf.record("talk.mp3", "Hello there.")
    return {"talk.mp3", "talk.srt", "talk.txt", "talk.watcherd-2.txt"}


def prepare_silence(shelf: Shelf) -> set[str]:
    shelf.record("talk.mp3", "Hello there.")
    shelf.publish()
    shelf.record("talk.mp3", "")
    return {"talk.mp3", "talk.txt"}


@pytest.mark.parametrize("prepare", [prepare_first, prepare_new_content, prepare_move, prepare_edited, prepare_silence])
def test_a_cut_at_any_step_is_made_good_by_doing_it_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Shelf], set[str]]
) -> None:
    count, finished = 0, False
    while not finished:
        shelf.start_over()
        expected = prepare(shelf)
        shelf.transcribe()
        with cut_off_after(count, monkeypatch), suppress(CutOffError):
            shelf.publish_due()
            finished = True
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == expected
        words = (shelf.folder / "talk.mp3").read_text()
        beside = "talk.watcherd-2.txt" if "talk.watcherd-2.txt" in expected else "talk.txt"
        assert shelf.text(beside) == (f"{words}\n" if words else "")
        assert "talk.srt" not in expected or (shelf.folder / "talk.srt").read_bytes() == srt(words)
        [entry] = shelf.ledger.read.entries()
        assert entry.state in {State.DONE, State.NO_SPEECH}
        count += 1
    assert count > 5


def cut_off_somewhere(shelf: Shelf, count: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish a new recording up to some step; says whether that was all."""
    shelf.start_over()
    shelf.record("talk.mp3", "Hello bear.")
    shelf.transcribe()
    with cut_off_after(count, monkeypatch), suppress(CutOffError):
        shelf.publish_due()
        return True
    return False


def test_a_recording_that_moves_after_a_cut_leaves_nothing_behind(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    while not cut_off_somewhere(shelf, count, monkeypatch):
        (shelf.folder / "talk.mp3").rename(shelf.folder / "speech.mp3")
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == {"speech.mp3", "speech.srt", "speech.txt"}
        count += 1
    assert count > 5


def test_a_second_cut_before_another_write_does_not_make_our_file_the_users(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Publishing.intend

    def intend_and_end(*args: Any) -> None:
        real(*args)
        raise CutOffError

    count = 0
    while not cut_off_somewhere(shelf, count, monkeypatch):
        shelf.record("talk.mp3", "Hello there.")
        shelf.reopen()
        with monkeypatch.context() as patch:
            patch.setattr(Publishing, "intend", intend_and_end)
            with pytest.raises(CutOffError):
                shelf.publish()
        shelf.reopen()
        shelf.publish()
        assert shelf.names() == {"talk.mp3", "talk.srt", "talk.txt"}
        assert shelf.text("talk.txt") == "Hello there.\n"
        assert (shelf.folder / "talk.srt").read_bytes() == srt("Hello there.")
        count += 1
    assert count > 5

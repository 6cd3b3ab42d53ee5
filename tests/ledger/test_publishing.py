from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from watcherd.errors import PublishBlockedError
from watcherd.ledger.publishing import SidecarTakenError
from watcherd.ledger.records import Publication, Sidecar
from watcherd.ledger.states import State
from watcherd.ledger.store import UnexpectedStateError
from watcherd.transcript import Transcript

if TYPE_CHECKING:
    from tests.ledger.conftest import Desk

READ_ONLY = PublishBlockedError("the folder is read-only", remedy="chmod +w")


def due(desk: Desk, name: str = "a.mp3") -> Publication:
    [found] = [publication for publication in desk.due() if publication.path == desk.path(name)]
    return found


def test_an_intent_outlives_a_crash_and_what_was_written_before_is_still_known(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.ledger.queue.redo(content_id)
    desk.transcribe()
    sidecar = desk.path("a.srt")

    desk.ledger.publishing.intend(due(desk), sidecar, "srt", desk.sha("new words"))
    desk.reopen()

    assert desk.ledger.read.sidecar_at(sidecar) == Sidecar(
        path=sidecar,
        recording=desk.path("a.mp3"),
        content_id=content_id,
        format="srt",
        generation=2,
        intended_sha256=desk.sha("new words"),
        written_sha256=desk.sha("words"),
        kept=False,
    )
    desk.ledger.publishing.written(sidecar)
    found = desk.ledger.read.sidecar_at(sidecar)
    assert found is not None
    assert (found.intended_sha256, found.written_sha256) == (None, desk.sha("new words"))


def test_a_write_that_was_not_announced_is_refused(desk: Desk) -> None:
    desk.finish("a.mp3", "c")

    for sidecar in ("a.srt", "never.srt"):
        with pytest.raises(UnexpectedStateError, match="announced"):
            desk.ledger.publishing.written(desk.path(sidecar))


def test_the_name_of_another_recordings_sidecar_is_taken(desk: Desk) -> None:
    desk.finish("a.mp3", "c")
    desk.bind("a.wav", "other")
    desk.transcribe()

    with pytest.raises(SidecarTakenError, match=r"/rec/a\.mp3"):
        desk.ledger.publishing.intend(due(desk, "a.wav"), desk.path("a.srt"), "srt", desk.sha("x"))
    with pytest.raises(SidecarTakenError):
        desk.ledger.publishing.keep(due(desk, "a.wav"), desk.path("a.srt"), "srt")


def test_the_name_is_free_when_the_other_recording_has_gone(desk: Desk) -> None:
    desk.finish("a.mp3", "c")
    desk.bind("a.wav", "other")
    desk.transcribe()
    desk.ledger.paths.forget([desk.path("a.mp3")])

    desk.ledger.publishing.intend(due(desk, "a.wav"), desk.path("a.srt"), "srt", desk.sha("x"))

    found = desk.ledger.read.sidecar_at(desk.path("a.srt"))
    assert found is not None
    assert found.recording == desk.path("a.wav")
    assert found.written_sha256 == desk.sha("words")


def test_the_users_file_is_remembered_and_not_listed_as_ours(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.transcribe()
    publication = due(desk)

    desk.ledger.publishing.keep(publication, desk.path("a.srt"), "srt")
    desk.ledger.publishing.published(publication)

    [sidecar] = desk.ledger.read.sidecars_of(desk.path("a.mp3"))
    assert (sidecar.kept, sidecar.written_sha256) == (True, None)
    assert desk.entry("a.mp3").sidecars == ()
    assert desk.state("a.mp3") is State.DONE


def test_a_sidecar_edited_after_us_is_the_users_but_still_known_as_once_ours(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.ledger.queue.redo(content_id)
    desk.transcribe()

    desk.ledger.publishing.keep(due(desk), desk.path("a.srt"), "srt")

    [sidecar] = desk.ledger.read.sidecars_of(desk.path("a.mp3"))
    assert (sidecar.kept, sidecar.written_sha256) == (True, desk.sha("words"))


def test_silence_ends_as_no_speech(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.transcribe(Transcript(None, 10, ()))

    assert desk.ledger.publishing.published(due(desk)) is State.NO_SPEECH


def test_a_content_is_done_when_its_last_path_is_published(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.bind("b.mp3", "c")
    desk.transcribe()
    first, second = desk.due()

    assert desk.ledger.publishing.published(first) is State.TRANSCRIBED
    assert desk.ledger.publishing.published(second) is State.DONE


def test_a_blocked_path_does_not_keep_its_content_from_being_done_and_is_published_later(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.bind("b.mp3", "c")
    desk.transcribe()
    desk.ledger.publishing.published(due(desk, "a.mp3"))

    desk.ledger.paths.block(desk.path("b.mp3"), READ_ONLY, desk.clock() + timedelta(seconds=60))

    assert (desk.state("a.mp3"), desk.state("b.mp3")) == (State.DONE, State.BLOCKED)
    assert desk.due() == []
    desk.clock.advance(seconds=60)
    desk.ledger.publishing.published(due(desk, "b.mp3"))
    assert (desk.state("b.mp3"), desk.entry("b.mp3").error) == (State.DONE, None)


def test_a_content_with_nothing_but_blocked_paths_is_not_done(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    desk.transcribe()

    desk.ledger.paths.block(desk.path("a.mp3"), READ_ONLY, None)

    row = desk.ledger._db.execute("SELECT state FROM contents WHERE id = ?", (content_id,)).fetchone()
    assert row["state"] == "transcribed"
    desk.ledger.paths.clear(desk.path("a.mp3"))
    desk.publish()
    assert desk.state("a.mp3") is State.DONE


def test_a_sidecar_that_the_user_deleted_is_not_due_until_redo(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    assert desk.due() == []

    desk.ledger.queue.redo(content_id)
    desk.transcribe()

    assert due(desk).generation == 2


def test_publishing_is_refused_when_the_recording_was_replaced_meanwhile(desk: Desk) -> None:
    desk.bind("a.mp3", "old")
    desk.transcribe()
    publication = due(desk)
    desk.bind("a.mp3", "new")

    with pytest.raises(UnexpectedStateError):
        desk.ledger.publishing.intend(publication, desk.path("a.srt"), "srt", desk.sha("x"))
    with pytest.raises(UnexpectedStateError):
        desk.ledger.publishing.keep(publication, desk.path("a.srt"), "srt")
    with pytest.raises(UnexpectedStateError):
        desk.ledger.publishing.published(publication)


def test_publishing_is_refused_when_a_redo_was_asked_for_meanwhile(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    desk.transcribe()
    publication = due(desk)
    desk.ledger.queue.redo(content_id)
    desk.transcribe()

    with pytest.raises(UnexpectedStateError, match="no longer wanted"):
        desk.ledger.publishing.published(publication)


def test_only_roots_that_are_there_are_published_to(desk: Desk) -> None:
    desk.bind("usb/a.mp3", "c")
    desk.transcribe()

    assert desk.ledger.publishing.due([desk.path("us")]) == []
    assert len(desk.ledger.publishing.due([desk.path("usb")])) == 1


def test_what_is_due_comes_in_portions_the_oldest_first(desk: Desk) -> None:
    for number in range(5):
        desk.bind(f"{5 - number}.mp3", f"c{number}")
    for _ in range(5):
        desk.transcribe()

    assert [p.path.name for p in desk.ledger.publishing.due(desk.roots, limit=2)] == ["5.mp3", "4.mp3"]


def test_the_sidecars_of_a_moved_recording_are_found_to_follow_it(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.ledger.paths.forget([desk.path("a.mp3")])
    desk.bind("sub/a.mp3", "c")

    [left] = desk.ledger.read.left_behind(content_id)
    assert (left.path, left.written_sha256) == (desk.path("a.srt"), desk.sha("words"))
    desk.publish()
    desk.ledger.publishing.drop(left.path)

    assert desk.ledger.read.left_behind(content_id) == []
    assert desk.entry("sub/a.mp3").sidecars == (desk.path("sub/a.srt"),)


def test_the_sidecars_of_a_recording_that_another_one_replaced_are_left_behind_too(desk: Desk) -> None:
    old = desk.finish("a.mp3", "old")
    desk.bind("a.mp3", "new")
    desk.bind("b.mp3", "old")

    assert [sidecar.path for sidecar in desk.ledger.read.left_behind(old)] == [desk.path("a.srt")]


def test_a_copy_leaves_nothing_behind(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    desk.bind("b.mp3", "c")

    assert desk.ledger.read.left_behind(content_id) == []

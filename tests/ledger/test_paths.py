from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watcherd.errors import ErrorClass, FileUnreadableError, PublishBlockedError, ReadError
from watcherd.ledger.records import Novelty, StatKey
from watcherd.ledger.states import State
from watcherd.ledger.store import UnexpectedStateError

if TYPE_CHECKING:
    from tests.ledger.conftest import Desk

FORBIDDEN = FileUnreadableError("permission denied", remedy="chmod +r")
READ_ONLY = PublishBlockedError("the folder is read-only", remedy="chmod +w")


def test_a_new_content_waits_for_its_turn(desk: Desk) -> None:
    binding = desk.bind("a.mp3", "c")

    assert (binding.novelty, binding.state, binding.displaced) == (Novelty.NEW_CONTENT, State.PENDING, None)


def test_a_touched_file_is_the_same_recording(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")

    binding = desk.bind("a.mp3", "c")

    assert (binding.content_id, binding.novelty, binding.state) == (content_id, Novelty.SAME, State.DONE)
    assert desk.due() == []


def test_a_copy_costs_no_second_transcription_but_gets_its_own_sidecars(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")

    binding = desk.bind("sub/copy.mp3", "c")

    assert (binding.content_id, binding.novelty) == (content_id, Novelty.NEW_PATH)
    assert desk.ledger.queue.next(desk.roots) is None
    assert [publication.path for publication in desk.due()] == [desk.path("sub/copy.mp3")]
    desk.publish()
    assert desk.state("a.mp3") is desk.state("sub/copy.mp3") is State.DONE


def test_a_moved_recording_is_published_at_its_new_place_whichever_end_is_seen_first(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")

    desk.bind("b.mp3", "c")
    desk.ledger.paths.forget([desk.path("a.mp3")])
    assert [publication.path for publication in desk.due()] == [desk.path("b.mp3")]
    desk.publish()
    desk.ledger.paths.forget([desk.path("b.mp3")])
    binding = desk.bind("c.mp3", "c")

    assert binding.content_id == content_id
    assert [publication.path for publication in desk.due()] == [desk.path("c.mp3")]
    assert [entry.path for entry in desk.ledger.read.entries()] == [desk.path("c.mp3")]


def test_another_recording_under_a_known_name_is_new_work(desk: Desk) -> None:
    old = desk.finish("a.mp3", "old")

    binding = desk.bind("a.mp3", "new")

    assert (binding.novelty, binding.displaced) == (Novelty.NEW_CONTENT, old)
    assert desk.state("a.mp3") is State.PENDING
    assert desk.entry("a.mp3").finished_at is None
    assert [entry.sha256 for entry in desk.ledger.read.entries(State.SUPERSEDED)] == [desk.sha("old")]


def test_a_replaced_content_that_another_path_still_holds_is_not_superseded(desk: Desk) -> None:
    desk.finish("a.mp3", "old")
    desk.bind("b.mp3", "old")

    desk.bind("a.mp3", "new")

    assert desk.state("b.mp3") is State.TRANSCRIBED
    assert desk.ledger.read.counts()[State.SUPERSEDED] == 0


def test_a_content_is_done_when_the_one_path_that_still_waited_goes(desk: Desk) -> None:
    desk.finish("a.mp3", "c")
    desk.bind("b.mp3", "c")
    assert desk.state("a.mp3") is State.TRANSCRIBED

    desk.ledger.paths.forget([desk.path("b.mp3")])

    assert desk.state("a.mp3") is State.DONE


def test_a_recording_moved_while_it_runs_is_transcribed_once(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    desk.claim()

    desk.ledger.paths.forget([desk.path("a.mp3")])
    assert desk.bind("b.mp3", "c").state is State.RUNNING
    desk.ledger.queue.store_result(content_id, desk.result())

    assert [publication.path for publication in desk.due()] == [desk.path("b.mp3")]


def test_the_result_of_a_recording_that_went_while_it_ran_waits_for_its_return(desk: Desk) -> None:
    content_id = desk.bind("a.mp3", "c").content_id
    desk.claim()
    desk.ledger.paths.forget([desk.path("a.mp3")])

    assert desk.ledger.queue.store_result(content_id, desk.result()) is State.SUPERSEDED

    assert desk.bind("b.mp3", "c").state is State.TRANSCRIBED


def test_a_retagged_recording_gets_the_result_without_compute(desk: Desk) -> None:
    desk.finish("a.mp3", "untagged", packets="p")

    binding = desk.bind("a.mp3", "tagged", packets="p")

    assert (binding.novelty, binding.state) == (Novelty.NEW_CONTENT, State.TRANSCRIBED)
    desk.publish()
    entry = desk.entry("a.mp3")
    assert (entry.state, entry.duration_ms, entry.model, entry.compute_ms) == (State.DONE, 2500, "packaged:base", None)
    result = desk.ledger.read.result(binding.content_id)
    assert result is not None
    assert result.transcript == desk.result().transcript


def test_a_retagged_recording_of_silence_is_no_speech_too(desk: Desk) -> None:
    desk.bring_to(State.NO_SPEECH)
    desk.bind("a.mp3", "c", packets="p")

    desk.bind("a.mp3", "tagged", packets="p")
    desk.publish()

    assert desk.state("a.mp3") is State.NO_SPEECH


def test_a_recording_retagged_before_its_turn_is_transcribed_once(desk: Desk) -> None:
    desk.bind("a.mp3", "untagged", packets="p")
    desk.bind("copy.mp3", "tagged", packets="p")

    desk.transcribe()

    assert desk.ledger.queue.next(desk.roots) is None
    desk.publish()
    assert desk.state("a.mp3") is desk.state("copy.mp3") is State.DONE


def test_a_redo_is_not_answered_with_the_result_of_a_twin(desk: Desk) -> None:
    desk.finish("a.mp3", "untagged", packets="p")
    twin = desk.bind("b.mp3", "tagged", packets="p").content_id
    desk.publish()

    desk.ledger.queue.redo(twin)
    desk.bind("b.mp3", "tagged", packets="p")

    assert desk.next().content_id == twin


def test_an_unreadable_file_is_blocked_and_stays_unknown(desk: Desk) -> None:
    desk.ledger.paths.bind_unreadable(desk.path("a.mp3"), FORBIDDEN)

    entry = desk.entry("a.mp3")
    assert (entry.state, entry.error_class, entry.error, entry.remedy) == (
        State.BLOCKED,
        ErrorClass.BLOCKED,
        "permission denied",
        "chmod +r",
    )
    assert entry.sha256 is None
    known = desk.ledger.read.path(desk.path("a.mp3"))
    assert known is not None
    assert known.content_id is None
    assert desk.ledger.queue.next(desk.roots) is None


def test_a_disk_error_while_a_file_is_read_is_shown_as_retry(desk: Desk) -> None:
    desk.ledger.paths.bind_unreadable(
        desk.path("a.mp3"), ReadError("input/output error"), desk.clock() + timedelta(seconds=30)
    )

    assert desk.state("a.mp3") is State.RETRY


def test_a_file_that_became_readable_is_work(desk: Desk) -> None:
    desk.ledger.paths.bind_unreadable(desk.path("a.mp3"), FORBIDDEN)

    binding = desk.bind("a.mp3", "c")

    assert binding.novelty is Novelty.NEW_CONTENT
    assert desk.entry("a.mp3").error is None


def test_a_known_file_that_became_unreadable_keeps_its_content_and_is_looked_at_again(desk: Desk) -> None:
    content_id = desk.finish("a.mp3", "c")
    before = desk.ledger.read.path(desk.path("a.mp3"))
    assert before is not None
    assert before.stat_key is not None

    desk.ledger.paths.bind_unreadable(desk.path("a.mp3"), FORBIDDEN)

    assert desk.state("a.mp3") is State.BLOCKED
    assert not desk.ledger.read.is_known(desk.path("a.mp3"), before.stat_key)
    binding = desk.bind("a.mp3", "c")
    assert (binding.content_id, binding.novelty, binding.state) == (content_id, Novelty.SAME, State.DONE)


def test_a_blocked_path_costs_no_compute_until_its_next_try_is_due(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.ledger.paths.block(desk.path("a.mp3"), READ_ONLY, desk.clock() + timedelta(seconds=60))

    assert desk.state("a.mp3") is State.BLOCKED
    assert desk.ledger.queue.next(desk.roots) is None
    assert desk.ledger.queue.next_due() == desk.clock() + timedelta(seconds=60)
    desk.clock.advance(seconds=60)
    desk.claim()

    assert desk.state("a.mp3") is State.RUNNING


def test_a_blocked_path_does_not_hold_up_another_path_of_its_content(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.bind("b.mp3", "c")

    desk.ledger.paths.block(desk.path("a.mp3"), READ_ONLY, None)

    assert desk.next().path == desk.path("b.mp3")


def test_a_path_that_is_clear_again_is_work_at_once(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    desk.ledger.paths.block(desk.path("a.mp3"), READ_ONLY, None)

    desk.ledger.paths.clear(desk.path("a.mp3"))

    assert desk.next().path == desk.path("a.mp3")


def test_clearing_an_unreadable_file_does_not_make_it_readable(desk: Desk) -> None:
    desk.ledger.paths.bind_unreadable(desk.path("a.mp3"), FORBIDDEN)

    desk.ledger.paths.clear(desk.path("a.mp3"))

    assert desk.state("a.mp3") is State.BLOCKED


def test_trouble_of_an_unknown_path_is_refused(desk: Desk) -> None:
    with pytest.raises(UnexpectedStateError, match="does not know"):
        desk.ledger.paths.block(desk.path("a.mp3"), READ_ONLY, None)
    with pytest.raises(UnexpectedStateError, match="does not know"):
        desk.ledger.paths.clear(desk.path("a.mp3"))


def test_forgetting_a_path_that_is_not_known_is_no_error(desk: Desk) -> None:
    desk.bind("a.mp3", "c")

    desk.ledger.paths.forget([desk.path("never.mp3")])

    assert desk.state("a.mp3") is State.PENDING


@pytest.mark.parametrize("name", [b"caf\xe9.mp3", b"two\nlines.mp3", b"\xff\xfe", "日本.mp3".encode(), b"x" * 255])
def test_every_name_that_the_file_system_can_hold_comes_back_as_it_was(desk: Desk, name: bytes) -> None:
    path = desk.path(name.decode("utf-8", "surrogateescape"))
    desk.finish(str(path), "c")

    desk.reopen()

    [entry] = desk.ledger.read.entries()
    assert bytes(entry.path) == b"/rec/" + name
    assert [bytes(sidecar) for sidecar in entry.sidecars] == [bytes(path.with_suffix(".srt"))]


def test_stat_keys_hold_the_largest_inode_numbers_and_times_before_1970(desk: Desk) -> None:
    stat_key = StatKey(2**64 - 1, 2**64 - 1, 2**63, -1, -(2**62))

    desk.ledger.paths.bind(desk.path("a.mp3"), stat_key, desk.sha("c"))

    known = desk.ledger.read.path(desk.path("a.mp3"))
    assert known is not None
    assert known.stat_key == stat_key


def test_a_stat_key_is_that_of_a_real_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"12345")
    stat = path.stat()

    assert StatKey.from_stat(stat) == StatKey(stat.st_dev, stat.st_ino, 5, stat.st_mtime_ns, stat.st_ctime_ns)

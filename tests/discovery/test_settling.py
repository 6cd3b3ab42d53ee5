from pathlib import Path

import pytest

from watcherd.discovery.leases import Writer
from watcherd.discovery.settling import CUT_OFF_WAITS_S, LONGEST_WAIT_S, UNKNOWN_AT_LEAST_S, Settler
from watcherd.ledger.records import StatKey

MEMO = Path("/rec/memo.mp3")
SETTLE_S = 5.0
WALL_NS = 1_700_000_000 * 10**9


def key(size: int = 100, *, age_s: float = 0.0, ctime_ns: int = 1) -> StatKey:
    return StatKey(1, 2, size, WALL_NS - round(age_s * 1e9), ctime_ns)


def judge(settler: Settler, size: int, now: float, writer: Writer = Writer.NONE) -> bool:
    """The file is due, has this size and is otherwise as it was."""
    assert settler.due(now) == [MEMO]
    return settler.judge(MEMO, key(size), writer, now=now, wall_ns=WALL_NS)


def next_due(settler: Settler) -> float:
    due = settler.next_due()
    assert due is not None
    return due


def test_a_new_file_has_to_stay_unchanged_for_the_settle_time() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=10.0)
    assert not judge(settler, 100, now=11.0)
    assert next_due(settler) == 15.0
    assert settler.due(14.9) == []
    assert judge(settler, 100, now=15.0)
    assert MEMO not in settler


def test_a_growing_file_is_not_taken() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(1), now=0.0)
    for size in range(2, 100):
        assert not judge(settler, size, now=next_due(settler))
    end = next_due(settler)
    assert settler.is_restless(MEMO, end)
    assert judge(settler, 99, now=end)


def test_any_change_starts_the_time_anew() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    settler.see(MEMO, key(ctime_ns=2), now=4.0)
    assert settler.due(4.9) == []
    assert settler.due(5.0) == [MEMO]
    assert not settler.judge(MEMO, key(ctime_ns=2), Writer.NONE, now=5.0, wall_ns=WALL_NS)
    assert next_due(settler) == 9.0


def test_an_event_starts_the_time_anew_even_where_nothing_seems_changed() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    settler.see(MEMO, key(), now=4.0, touched=True)
    assert not judge(settler, 100, now=5.0)
    assert next_due(settler) == 9.0


def test_a_scan_that_meets_it_again_does_not() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    settler.see(MEMO, key(), now=4.0)
    assert not judge(settler, 100, now=4.0)
    assert next_due(settler) == 5.0


def test_a_finished_copy_needs_a_short_confirmation_only() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(1), now=0.0)
    settler.see(MEMO, key(), now=0.5, touched=True, finished=True)
    assert next_due(settler) == 1.5
    assert judge(settler, 100, now=1.5)


def test_a_file_that_was_there_long_before_needs_a_short_confirmation_only() -> None:
    settler = Settler(SETTLE_S)
    old = key(age_s=60)
    settler.see(MEMO, old, now=0.0)
    assert settler.due(1.0) == [MEMO]
    assert settler.judge(MEMO, old, Writer.NONE, now=1.0, wall_ns=WALL_NS)


def test_a_time_in_the_future_is_no_sign_of_age() -> None:
    settler = Settler(SETTLE_S)
    ahead = key(age_s=-3600)
    settler.see(MEMO, ahead, now=0.0)
    settler.due(1.0)
    assert not settler.judge(MEMO, ahead, Writer.NONE, now=1.0, wall_ns=WALL_NS)


def test_being_closed_says_nothing_of_a_file_that_grew_after_it() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(1), now=0.0, touched=True, finished=True)
    settler.see(MEMO, key(2), now=0.8, touched=True, finished=True)
    assert not judge(settler, 2, now=1.8)
    assert next_due(settler) == 5.8


def test_setting_the_times_of_a_finished_file_is_no_growth() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0, touched=True, finished=True)
    settler.see(MEMO, key(ctime_ns=2), now=0.1, touched=True)
    settler.due(1.1)
    assert settler.judge(MEMO, key(ctime_ns=2), Writer.NONE, now=1.1, wall_ns=WALL_NS)


def test_a_writer_keeps_a_file_waiting_without_end_and_without_load() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(age_s=9999), now=0.0, touched=True, finished=True)
    now = looks = 0.0
    while now < 3600.0:
        now = next_due(settler)
        settler.due(now)
        assert not settler.judge(MEMO, key(age_s=9999), Writer.SOMEBODY, now=now, wall_ns=WALL_NS)
        looks += 1
    assert looks < 3600 / LONGEST_WAIT_S + 10
    assert settler.is_restless(MEMO, now)


def test_the_file_is_taken_when_its_writer_is_through() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    judge(settler, 100, now=1.0, writer=Writer.SOMEBODY)
    settler.see(MEMO, key(200), now=1.5, touched=True, finished=True)
    assert judge(settler, 200, now=2.5)


def test_where_nobody_knows_of_writers_it_takes_longer() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(age_s=9999), now=0.0, touched=True, finished=True)
    settler.due(1.0)
    assert not settler.judge(MEMO, key(age_s=9999), Writer.UNKNOWN, now=1.0, wall_ns=WALL_NS)
    assert next_due(settler) == 3 * SETTLE_S
    impatient = Settler(0.5)
    impatient.see(MEMO, key(), now=0.0)
    assert not judge(impatient, 100, now=0.5, writer=Writer.UNKNOWN)
    assert next_due(impatient) == UNKNOWN_AT_LEAST_S


@pytest.mark.parametrize("writer", [Writer.NONE, Writer.UNKNOWN])
def test_who_asks_for_no_settling_gets_none(writer: Writer) -> None:
    settler = Settler(0.0)
    settler.see(MEMO, key(), now=7.0)
    assert judge(settler, 100, now=7.0, writer=writer)


def test_a_file_whose_end_is_missing_waits_longer_each_time_and_is_taken_in_the_end() -> None:
    settler = Settler(SETTLE_S)
    now = 0.0
    for wait_s in CUT_OFF_WAITS_S:
        assert settler.wait_longer(MEMO, key(), now)
        assert settler.is_restless(MEMO, now), "nobody should wait for its end"
        now += wait_s
        assert settler.due(now - 0.1) == []
        assert judge(settler, 100, now, Writer.UNKNOWN)
    assert not settler.wait_longer(MEMO, key(), now)
    assert settler.wait_longer(MEMO, key(), now), "another day, from the beginning"


def test_a_file_whose_end_was_missing_settles_like_any_other_when_it_goes_on() -> None:
    settler = Settler(SETTLE_S)
    assert settler.wait_longer(MEMO, key(1), 0.0)
    assert settler.wait_longer(MEMO, key(1), 30.0)
    settler.see(MEMO, key(2), now=40.0, touched=True)
    assert not judge(settler, 2, now=41.0, writer=Writer.UNKNOWN)
    assert next_due(settler) == 40.0 + 3 * SETTLE_S
    assert judge(settler, 2, now=55.0, writer=Writer.UNKNOWN)
    assert settler.wait_longer(MEMO, key(2), 55.0)
    assert next_due(settler) == 55.0 + CUT_OFF_WAITS_S[0], "it is another file by now"


def test_who_asks_for_no_settling_does_not_wait_for_a_missing_end() -> None:
    assert not Settler(0.0).wait_longer(MEMO, key(), 0.0)


def test_a_file_that_was_dropped_is_not_due() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    settler.drop(MEMO)
    assert settler.due(100.0) == []
    assert not settler.is_restless(MEMO, 100.0)


def test_a_file_that_never_changes_is_not_restless() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    judge(settler, 100, now=1.0)
    assert not settler.is_restless(MEMO, 60.0)


def test_the_sizes_of_waiting_files_are_told_without_those_that_have_a_writer() -> None:
    settler = Settler(SETTLE_S)
    settler.see(MEMO, key(), now=0.0)
    settler.see(Path("/rec/other.mp3"), key(7), now=0.5)
    assert sorted(settler.sizes()) == [7, 100]
    judge(settler, 100, now=1.0, writer=Writer.SOMEBODY)
    assert list(settler.sizes()) == [7]

from dataclasses import replace

import pytest

from watcherd.decisions import Decision, WindowDecision, summary

KEPT = WindowDecision(12_340, 39_001, "And so on.", -0.2113, 1.04, 0.0312, Decision.KEPT, "", tail_read_again=False)
SPLIT = replace(KEPT, decision=Decision.SPLIT, reason="it is guessed")
DROPPED = replace(KEPT, decision=Decision.DROPPED, reason="nobody speaks there", no_speech_prob=None)
IN_PART = replace(KEPT, decision=Decision.IN_PART, reason="a loop is cut", tail_read_again=True)


@pytest.mark.parametrize("decision", [KEPT, SPLIT, DROPPED, IN_PART])
def test_a_decision_comes_back_as_it_was(decision: WindowDecision) -> None:
    assert WindowDecision.from_dict(decision.to_dict()) == decision


def test_times_are_shown_in_seconds() -> None:
    shown = KEPT.to_dict()
    assert (shown["start_s"], shown["end_s"]) == (12.34, 39.001)
    assert not [name for name in shown if name.endswith("_ms")]


def test_where_everything_was_kept_at_once_there_is_nothing_to_say() -> None:
    assert summary(()) == summary((KEPT, KEPT)) == ""


def test_people_are_told_what_was_dropped_and_why_and_how_much_was_read_again() -> None:
    told = summary((KEPT, SPLIT, DROPPED, DROPPED, IN_PART))
    assert told == "5 read, 2 dropped: nobody speaks there, 1 kept in part, 2 read again"

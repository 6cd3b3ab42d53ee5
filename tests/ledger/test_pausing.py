from datetime import timedelta

from tests.ledger.conftest import Desk
from watcherd.ledger.pausing import Pause


def test_a_pause_outlives_the_daemon_until_it_is_ended(desk: Desk) -> None:
    assert desk.ledger.pausing.current() is None
    pause = desk.ledger.pausing.begin(None)
    desk.reopen()
    assert desk.ledger.pausing.current() == pause == Pause(desk.clock.now, None)

    assert desk.ledger.pausing.end()
    desk.reopen()
    assert desk.ledger.pausing.current() is None
    assert not desk.ledger.pausing.end()


def test_who_pauses_again_changes_the_end_and_not_the_beginning(desk: Desk) -> None:
    since = desk.clock.now
    desk.ledger.pausing.begin(None)
    desk.clock.advance(minutes=5)
    until = desk.clock.now + timedelta(hours=2)

    assert desk.ledger.pausing.begin(until) == Pause(since, until)

import threading
from pathlib import Path

from watcherd.discovery.inbox import Hint, Inbox, Order


def test_a_path_is_kept_once_with_all_its_hints_in_the_order_of_its_first() -> None:
    inbox = Inbox()
    inbox.look(Path("/a"), Hint.NOTICED)
    inbox.look(Path("/b"), Hint.NOTICED)
    inbox.look(Path("/a"), Hint.FINISHED)
    looks = inbox.take(0).looks
    assert list(looks) == [Path("/a"), Path("/b")]
    assert looks[Path("/a")] == Hint.NOTICED | Hint.FINISHED


def test_what_was_taken_is_taken_once() -> None:
    inbox = Inbox()
    inbox.order(Order.RESCAN)
    inbox.order(Order.CHECK)
    assert inbox.take(0).orders == Order.RESCAN | Order.CHECK
    assert inbox.take(0).orders == Order.NOTHING


def test_an_order_ends_the_waiting() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.order, [Order.STOP]).start()
    assert inbox.take(30).orders == Order.STOP


def test_waiting_ends_by_itself() -> None:
    mail = Inbox().take(0.01)
    assert (mail.orders, mail.looks, mail.hashed) == (Order.NOTHING, {}, [])

"""Where everything that happens around a root comes together for the one thread that acts on it."""

import threading
from dataclasses import dataclass, field
from enum import Flag, IntFlag, auto
from pathlib import Path

from watcherd.discovery.hashing import Hashed


class Hint(IntFlag):
    """Why a path is to be looked at. Hints only hasten or delay; what is true is asked of the file itself."""

    NOTICED = auto()
    """Something happened to it."""
    FINISHED = auto()
    """It was closed after writing, or moved to where it is."""
    ASKED = auto()
    """Somebody asked for it: what was told before is told again."""


class Order(Flag):
    """What the thread is to do beside looking at paths."""

    NOTHING = 0
    STOP = auto()
    RESCAN = auto()
    CHECK = auto()
    """Look now whether the root is still there."""
    REARM = auto()
    """Events were lost: watch anew, then rescan."""


@dataclass(frozen=True, slots=True)
class Mail:
    """All that came since the last time."""

    orders: Order = Order.NOTHING
    looks: dict[Path, Hint] = field(default_factory=dict)
    """In the order in which they came, each path once, with all its hints."""
    hashed: list[Hashed] = field(default_factory=list)


class Inbox:
    """Thread-safe. Putting never blocks and never fails, and a path that is mentioned again takes no more room."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._mail = Mail()
        self._orders = Order.NOTHING

    def look(self, path: Path, hint: Hint) -> None:
        """Ask for a path to be looked at."""
        with self._arrived:
            self._mail.looks[path] = self._mail.looks.get(path, Hint(0)) | hint
            self._arrived.notify()

    def hashed(self, result: Hashed) -> None:
        """Hand in what came of hashing."""
        with self._arrived:
            self._mail.hashed.append(result)
            self._arrived.notify()

    def order(self, order: Order) -> None:
        """Give an order; several are collected."""
        with self._arrived:
            self._orders |= order
            self._arrived.notify()

    def take(self, timeout_s: float) -> Mail:
        """Wait until something is there, or for the given time, and take everything."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._orders or self._mail.looks or self._mail.hashed, timeout_s)
            mail = Mail(self._orders, self._mail.looks, self._mail.hashed)
            self._mail, self._orders = Mail(), Order.NOTHING
            return mail

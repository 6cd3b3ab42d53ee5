"""Hashing beside everything else: two workers, the smallest file first, and always one of them free for small ones."""

import contextlib
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watcherd.discovery.identity import HashingStoppedError, Identity, content_hash
from watcherd.discovery.packets import packet_hash
from watcherd.discovery.wholeness import why_cut_off
from watcherd.errors import WatcherdError
from watcherd.ledger.records import StatKey

LARGE_BYTES: Final = 256 << 20
"""A file of this size or more takes long enough, on a slow disk or share, that others should not wait for it."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """What came of one order."""

    path: Path
    ordered: StatKey
    """What the file was when its hash was ordered."""
    outcome: Identity | WatcherdError
    packet_sha256: bytes | None = None
    packets_tried: bool = False
    cut_off: str | None = None
    """What shows that its end is missing; None where nothing does, or where that was not asked."""


@dataclass(frozen=True, slots=True)
class _Order:
    path: Path
    key: StatKey
    identity: Identity | None
    """Already known: only the packets are wanted."""
    is_whole: bool = True
    """Nobody writes it any more; where that is not known, the file itself is asked."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def carry_out(self) -> Hashed:
        if self.identity is None:
            return Hashed(self.path, self.key, content_hash(self.path, self.cancelled.is_set))
        packets = cut_off = None
        # Without ffmpeg the daemon does not start; without audio there is nothing to recognise again.
        with contextlib.suppress(WatcherdError, OSError):
            if not self.is_whole:
                cut_off = why_cut_off(self.path, self.cancelled.is_set)
            packets = packet_hash(self.path, self.cancelled.is_set)
        return Hashed(self.path, self.key, self.identity, packets, packets_tried=True, cut_off=cut_off)


class Hasher:
    """Takes orders from one thread and hands the results, from its own threads, to ``done``."""

    def __init__(self, name: str, done: Callable[[Hashed], None]) -> None:
        self._name = name
        self._done = done
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, bool, int, _Order]] = []
        self._orders: dict[Path, _Order] = {}
        self._number = itertools.count()
        self._workers: list[threading.Thread] = []
        self._stopped = False

    def order(self, path: Path, key: StatKey) -> None:
        """Have the content of a file hashed; an earlier order for it is withdrawn."""
        self._put(_Order(path, key, None))

    def order_packets(self, path: Path, key: StatKey, identity: Identity, *, is_whole: bool) -> None:
        """Have the audio packets of a file hashed, whose content is known by now.

        Where ``is_whole`` is not certain, the result says what the recording itself shows.
        """
        self._put(_Order(path, key, identity, is_whole))

    def cancel(self, path: Path) -> None:
        """Withdraw the order for a file; a result may still be on its way."""
        with self._changed:
            if order := self._orders.pop(path, None):
                order.cancelled.set()

    def take(self, result: Hashed) -> bool:
        """Close the order that a result belongs to; False where it was withdrawn meanwhile, or replaced by another."""
        if self.ordered(result.path) != result.ordered:
            return False
        self.cancel(result.path)
        return True

    def ordered(self, path: Path) -> StatKey | None:
        """The file as it was when its hash was ordered; None where the order is closed."""
        order = self._orders.get(path)
        return None if order is None else order.key

    def sizes(self) -> list[int]:
        """The sizes of all files with an order. Any thread may ask."""
        return [order.key.size for order in tuple(self._orders.values())]

    def cancel_all(self) -> None:
        """Withdraw all orders."""
        for path in tuple(self._orders):
            self.cancel(path)

    def stop(self, until: float) -> None:
        """End the workers; one that hangs in the kernel after this monotonic time, on a dead share, is left behind."""
        self.cancel_all()
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))

    def _put(self, order: _Order) -> None:
        self.cancel(order.path)
        with self._changed:
            self._orders[order.path] = order
            # Of equal ones, what was begun is finished first.
            heapq.heappush(self._waiting, (order.key.size, order.identity is None, next(self._number), order))
            self._changed.notify_all()
        if not self._workers:
            self._start()

    def _start(self) -> None:
        for number, most in enumerate((None, LARGE_BYTES)):
            worker = threading.Thread(target=self._work, args=(most,), name=f"hash-{number} {self._name}", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _work(self, less_than: int | None) -> None:
        while (order := self._next(less_than)) is not None:
            try:
                result = order.carry_out()
            except HashingStoppedError:
                continue
            except WatcherdError as error:
                result = Hashed(order.path, order.key, error)
            if not order.cancelled.is_set():
                self._done(result)

    def _next(self, less_than: int | None) -> _Order | None:
        with self._changed:
            while not self._stopped:
                while self._waiting and self._waiting[0][-1].cancelled.is_set():
                    heapq.heappop(self._waiting)
                if self._waiting and (less_than is None or self._waiting[0][0] < less_than):
                    return heapq.heappop(self._waiting)[-1]
                self._changed.wait()
            return None

"""The thread that watches one root. A root on a share that hangs delays no other."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from watcherd.discovery.contracts import KnownPaths, OpenKnownPaths, WatchRoot
from watcherd.discovery.hashing import Hasher
from watcherd.discovery.inbox import Inbox, Mail, Order
from watcherd.discovery.keeping import RootKeeper
from watcherd.discovery.pace import Pace
from watcherd.discovery.rounds import Rounds
from watcherd.discovery.sightings import RootOffline, Sighting
from watcherd.discovery.tracking import Tracker
from watcherd.discovery.vanishing import Vanished
from watcherd.names import printable

_TICK_S: Final = 0.25
"""Between two looks at what nothing announces: whether an absence lasts, whether a scan is complete."""

_log = logging.getLogger(__name__)


class Watcher:
    """Watches a root until it is stopped.

    Args:
        root: what to watch.
        open_known: called in the watcher's own thread.
        emit: called in the watcher's own thread with all that it has to tell.
        awaited_sizes: the sizes of the files that will be told soon, of all roots.
        pace: how often what is done.
    """

    def __init__(
        self,
        root: WatchRoot,
        open_known: OpenKnownPaths,
        emit: Callable[[Sighting], None],
        awaited_sizes: Callable[[], Collection[int]],
        pace: Pace,
    ) -> None:
        self.root = root
        self.inbox = Inbox()
        self._open_known = open_known
        self._emit = emit
        self._awaited_sizes = awaited_sizes
        self._pace = pace
        name = printable(root.path.name)
        self._hasher = Hasher(name, self.inbox.hashed)
        self._tracker: Tracker | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own: the root is watched before it is scanned."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self.inbox.order(Order.STOP)
        self._hasher.cancel_all()

    def join(self, until: float) -> None:
        """Wait for the end, but not longer than to this monotonic time for a thread that hangs in the kernel."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, until - time.monotonic()))
        self._hasher.stop(until)

    def sizes(self) -> set[int]:
        """The sizes of this root's files that will be told soon. Any thread may ask."""
        tracker = self._tracker
        return set() if tracker is None else tracker.sizes()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            try:
                with self._open_known() as known:
                    self._watch(known)
                stopped = True
            except Exception as error:  # noqa: BLE001  a fault must not leave a root unwatched for good
                _log.exception("Watching %s failed and begins anew", printable(self.root.path))
                self._emit(RootOffline(self.root.path, f"watching it failed: {error}"))
                stopped = self._rest()

    def _watch(self, known: KnownPaths) -> None:
        watch = _Watch(
            root=self.root,
            known=known,
            inbox=self.inbox,
            hasher=self._hasher,
            emit=self._emit,
            awaited_sizes=self._awaited_sizes,
            pace=self._pace,
        )
        self._tracker = watch.tracker
        try:
            now = time.monotonic()
            while Order.STOP not in (mail := self.inbox.take(watch.wait_s(now))).orders:
                now = time.monotonic()
                watch.step(mail, now)
        finally:
            watch.close()

    def _rest(self) -> bool:
        """Wait a while before the next attempt; whether the thread is to end instead."""
        end = time.monotonic() + self._pace.health_s
        while (left := end - time.monotonic()) > 0:
            if Order.STOP in self.inbox.take(left).orders:
                return True
        return False


class _Watch:
    """What there is while a root is watched with one reader of the ledger."""

    def __init__(
        self,
        *,
        root: WatchRoot,
        known: KnownPaths,
        inbox: Inbox,
        hasher: Hasher,
        emit: Callable[[Sighting], None],
        awaited_sizes: Callable[[], Collection[int]],
        pace: Pace,
    ) -> None:
        self._awaited_sizes = awaited_sizes
        self._pace = pace
        self._vanished = Vanished(pace.gone_grace_s)
        self._keeper = RootKeeper(root, known, inbox, emit, pace)
        self.tracker = Tracker(
            root=root, known=known, keeper=self._keeper, hasher=hasher, vanished=self._vanished, emit=emit
        )
        self._rounds = Rounds(
            root=root, known=known, keeper=self._keeper, tracker=self.tracker, vanished=self._vanished, emit=emit
        )
        self._check_at = float("-inf")
        self._scan_at = float("inf")

    def step(self, mail: Mail, now: float) -> None:
        """Do what has come, and what is due."""
        self._check(mail.orders, now)
        if not self._keeper.is_online:
            self._clear()
            return
        if now >= self._scan_at or Order.RESCAN in mail.orders:
            self._scan_at = float("inf")
            self._rounds.scan(now)
        for result in mail.hashed:
            self.tracker.hashed(result, now)
        for path, hint in mail.looks.items():
            if (folder := self.tracker.look(path, hint, now)) is not None:
                self._rounds.visit(folder)
        if (took_s := self._rounds.step(now)) is not None:
            self._scan_at = now + self._keeper.rescan_s(took_s)
        self.tracker.settle(now)
        self._rounds.tell_gone(now, self._awaited_sizes)
        self._rounds.tell_complete(now)

    def wait_s(self, now: float) -> float:
        """Seconds until the next step, where no mail comes before."""
        if self._rounds.is_walking:
            return 0.0
        at = min(self._check_at, self._scan_at)
        if self._vanished or self._rounds.is_scanning:
            at = min(at, now + _TICK_S)
        if (due := self.tracker.next_due()) is not None:
            at = min(at, due)
        return max(0.0, at - now)

    def close(self) -> None:
        """Let go of everything."""
        self._clear()
        self._keeper.close()

    def _clear(self) -> None:
        self.tracker.clear()
        self._rounds.clear()
        self._vanished.clear()
        self._scan_at = float("inf")

    def _check(self, orders: Order, now: float) -> None:
        if Order.REARM in orders:
            self._keeper.events_were_lost()
        if now >= self._check_at or orders & (Order.CHECK | Order.REARM):
            if self._keeper.check(now):
                self._scan_at = now
            self._check_at = now + self._pace.health_s

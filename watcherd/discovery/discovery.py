"""Discovery as the daemon sees it: all roots, watched until it is told to stop."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from watcherd.discovery.contracts import OpenKnownPaths, WatchRoot
from watcherd.discovery.inbox import Hint, Order
from watcherd.discovery.leases import ignore_sigio, sigio_is_harmless
from watcherd.discovery.observing import OverflowAlarm
from watcherd.discovery.pace import Pace
from watcherd.discovery.sightings import Sighting
from watcherd.discovery.watcher import Watcher

__all__ = ["Discovery", "ignore_sigio"]


class Discovery:
    """Finds the recordings of all roots, each on a thread of its own.

    Args:
        roots: the folders to watch; none of them inside another.
        known: opens a reader of the ledger for the thread that calls it.
        emit: hears everything, from several threads; it has to return soon and must not raise.
        pace: how often what is done without a cause.
    """

    def __init__(
        self,
        roots: Sequence[WatchRoot],
        known: OpenKnownPaths,
        emit: Callable[[Sighting], None],
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._watchers = [Watcher(root, known, emit, self._awaited_sizes, self._pace) for root in roots]
        self._alarm = OverflowAlarm(lambda: self._order(Order.REARM))

    def start(self) -> None:
        """Begin. Every root is watched before it is scanned, and ``emit`` hears of each: online or offline.

        Raises:
            RuntimeError: ``ignore_sigio`` was not called before.
        """
        if not sigio_is_harmless():
            raise RuntimeError("SIGIO would end this process: call ignore_sigio in the main thread first")
        self._alarm.attach()
        for watcher in self._watchers:
            watcher.start()

    def look(self, path: Path) -> None:
        """Look at this path again, and tell of it again unless the ledger knows what is there."""
        for watcher in self._watchers:
            if path != watcher.root.path and path.is_relative_to(watcher.root.path):
                watcher.inbox.look(path, Hint.ASKED)

    def rescan(self) -> None:
        """Scan all roots now."""
        self._order(Order.RESCAN)

    def stop(self) -> None:
        """End all threads, within a second or two whatever they are doing."""
        self._alarm.detach()
        for watcher in self._watchers:
            watcher.stop()
        until = time.monotonic() + self._pace.stop_s
        for watcher in self._watchers:
            watcher.join(until)

    def _order(self, order: Order) -> None:
        for watcher in self._watchers:
            watcher.inbox.order(order)

    def _awaited_sizes(self) -> set[int]:
        return set().union(*(watcher.sizes() for watcher in self._watchers))

"""One root's inotify events, turned into paths to look at. Built on watchdog.

A handler that raises would end watchdog's thread, so it only puts paths into the inbox, which cannot fail.
"""

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyConstants, InotifyFD, Mask

from watcherd.discovery.inbox import Hint, Inbox, Order

_EVENTS: Final[list[type[FileSystemEvent]]] = [
    *(FileAttribEvent, FileClosedEvent, FileCreatedEvent, FileDeletedEvent, FileMovedEvent),
    *(DirAttribEvent, DirCreatedEvent, DirDeletedEvent, DirMovedEvent),
]
"""Without those that reading causes, which would answer each of our own looks with another."""

_MASK: Final = Mask(
    InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DONT_FOLLOW
)
"""The kernel's names of the same. IN_MODIFY is left out: a copy at full speed causes thousands of them each second,
while settling sees a change by itself, and IN_CLOSE_WRITE tells the end of writing."""

_WATCHDOG_LOGGER: Final = "watchdog.observers.inotify_c"


class EventSource:
    """Watches a root from its construction on, until ``close``. Nothing is held open: the root can be unmounted.

    Raises:
        OSError: the root cannot be watched; ENOSPC and EMFILE where a limit of the kernel is reached.
    """

    def __init__(self, root: Path, inbox: Inbox, *, recursive: bool) -> None:
        # watchdog warns of a harmless race with folders that are made one in the other; where warnings are errors, that
        # would end its reader.
        warnings.filterwarnings("ignore", message=r"Callback with id .* already exists", category=RuntimeWarning)
        # An inotify watch on a symbolic link sees the link, not the folder.
        self._real = os.path.realpath(root)
        self._root = str(root)
        self._observer = _Observer()
        self._handler = _Handler(self._real, self._root, inbox)
        try:
            self._observer.schedule(self._handler, self._real, recursive=recursive, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self._observer.stop()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether all threads run and the root itself is watched; after an unmount it is not."""
        return self._observer.is_complete() and self.watches(Path(self._root))

    def watches(self, folder: Path) -> bool:
        """Whether there is a watch for a folder of the root. watchdog keeps silent where a sub-folder gets none."""
        return self._observer.watches(os.fsencode(self._real_path(folder)))

    def probe(self, folder: Path) -> None:
        """Try to watch a folder that is not watched.

        Raises:
            OSError: the reason why there is no watch for it.
        """
        real = self._real_path(folder)
        watch = self._observer.schedule(self._handler, real, recursive=False, event_filter=_EVENTS)
        self._observer.unschedule(watch)

    def close(self) -> None:
        """End watching and its threads."""
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()

    def _real_path(self, path: Path) -> str:
        return self._real + str(path)[len(self._root) :]


class OverflowAlarm(logging.Handler):
    """Hears when the kernel's event queue overflowed: watchdog tells it to its log and to nobody else."""

    def __init__(self, alarm: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._alarm = alarm

    def emit(self, record: logging.LogRecord) -> None:
        """Called for each line of watchdog's log."""
        if "overflow" in record.getMessage().lower():
            self._alarm()

    def attach(self) -> None:
        """Listen from now on, whatever levels the program has set for its log."""
        logger = logging.getLogger(_WATCHDOG_LOGGER)
        logger.addHandler(self)
        if not logger.isEnabledFor(logging.WARNING):
            logger.setLevel(logging.WARNING)

    def detach(self) -> None:
        """Listen no more."""
        logging.getLogger(_WATCHDOG_LOGGER).removeHandler(self)


class _Handler(FileSystemEventHandler):
    def __init__(self, real: str, root: str, inbox: Inbox) -> None:
        self._real = real
        self._root = root
        self._inbox = inbox

    def dispatch(self, event: FileSystemEvent) -> None:
        # The new name first: whoever looks at it knows then why the old one is gone.
        if event.dest_path:
            self._look(event.dest_path, Hint.NOTICED | Hint.FINISHED)
        if event.src_path:
            hint = Hint.NOTICED | Hint.FINISHED if isinstance(event, FileClosedEvent) else Hint.NOTICED
            self._look(event.src_path, hint)

    def _look(self, raw: bytes | str, hint: Hint) -> None:
        name = os.fsdecode(raw)
        if name == self._real:
            self._inbox.order(Order.CHECK)
        else:
            self._inbox.look(Path(self._root + name[len(self._real) :]), hint)


class _Emitter(InotifyFullEmitter):
    """Tells a file moved in from one created, asks the kernel for less, and says what it watches."""

    def get_event_mask_from_filter(self) -> Mask:
        return _MASK

    def watches(self, folder: bytes) -> bool:
        group = self._inotify
        return group is not None and folder in group._active_callbacks_by_path  # noqa: SLF001  it has no public way to ask


class _Observer(BaseObserver):
    """watchdog's InotifyObserver with our emitter."""

    def __init__(self) -> None:
        self._inotify_fd = InotifyFD()
        self._inotify_fd.start()
        super().__init__(_Emitter, inotify_fd=self._inotify_fd)

    def watches(self, folder: bytes) -> bool:
        return any(isinstance(emitter, _Emitter) and emitter.watches(folder) for emitter in self.emitters)

    def is_complete(self) -> bool:
        return self.is_alive() and self._inotify_fd.is_alive() and all(each.is_alive() for each in self.emitters)

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._inotify_fd.stop()
        self._inotify_fd.join()

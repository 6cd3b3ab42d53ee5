"""The watched folders as they are now: which of them are there, and what is asked for the recordings in each."""

from collections.abc import Collection
from pathlib import Path

from watcherd.config import Settings, WatchRoot
from watcherd.engine.messages import Channels
from watcherd.fingerprint import settings_line


class Roots:
    """Answers for any path; one that lies in no watched folder any more is answered as if it had the defaults.

    Attributes:
        settings: the present ones.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._offline: set[Path] = set()

    def apply(self, settings: Settings) -> None:
        """Answer by these settings from now on."""
        self.settings = settings
        self._offline &= {root.path for root in settings.watch}

    def left(self, root: Path) -> None:
        """This folder is missing, unmounted or another one."""
        self._offline.add(root)

    def came(self, root: Path) -> bool:
        """This folder is there; returns whether it was known to be missing."""
        was_offline = root in self._offline
        self._offline.discard(root)
        return was_offline

    @property
    def online(self) -> Collection[Path]:
        """The folders that are not known to be missing."""
        return [root.path for root in self.settings.watch if root.path not in self._offline]

    def is_online(self, path: Path) -> bool:
        """Whether a path lies in one of these."""
        return any(path.is_relative_to(root) for root in self.online)

    def of(self, path: Path) -> WatchRoot | None:
        """The watched folder that a path lies in."""
        return next((root for root in self.settings.watch if path.is_relative_to(root.path)), None)

    def folder(self, path: Path) -> Path:
        """The same for the log; where there is none, the folder that the file lies in."""
        root = self.of(path)
        return path.parent if root is None else root.path

    def language(self, path: Path) -> str:
        """What a recording is to be read as: an ISO 639-1 code, or "auto"."""
        root = self.of(path)
        return self.settings.model.language if root is None else self.settings.language_of(root)

    def channels(self, path: Path) -> Channels:
        """What becomes of its two channels."""
        root = self.of(path)
        return "mix" if root is None else root.channels

    def vocabulary(self, path: Path) -> tuple[str, ...]:
        """Names and jargon that may be said in it."""
        root = self.of(path)
        return () if root is None else root.vocabulary

    def settings_line(self, path: Path) -> str:
        """The settings that decide on its transcript; see ``fingerprint``."""
        language, channels = self.language(path), self.channels(path)
        return settings_line(self.settings.model, language, channels, self.vocabulary(path))

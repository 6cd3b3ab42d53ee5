"""One sidecar and where it goes, without a ledger."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from watcherd.sidecars.folder import Folder
from watcherd.sidecars.publish import Outcome, Target, publish

WORDS = b"1\n00:00:00,000 --> 00:00:02,000\nHello there.\n"
OLD_WORDS = b"1\n00:00:00,000 --> 00:00:02,000\nHello bear.\n"
TEMP = ".syncthing.watcherd-0123456789abcdef.~.tmp"
FINAL = "talk.srt"


def sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class Place:
    """A folder with a recording, and every intent that was announced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recording = path / "talk.mp3"
        self.recording.write_bytes(b"sound")
        self.recording.chmod(0o644)
        self.intents: list[Path | None] = []

    @property
    def sidecar(self) -> Path:
        return self.path / FINAL

    def put(self, target: Target | None = None, content: bytes = WORDS) -> Outcome:
        def intend() -> None:
            self.intents.append(self.sidecar if os.path.lexists(self.sidecar) else None)

        with Folder.open(self.path) as folder:
            return publish(folder, target or Target(FINAL), content, self.recording.stat(), intend)

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()} - {"talk.mp3"}


WROTE = Target(FINAL, previous_sha256=sha(WORDS), was_written=True)
WROTE_OLD = Target(FINAL, previous_sha256=sha(OLD_WORDS), was_written=True)
CUT_OFF = Target(FINAL, intent=sha(WORDS))


def before(monkeypatch: pytest.MonkeyPatch, call: str, happens: Callable[[], object]) -> None:
    """Let something happen just before publishing calls a function of ``os``, once."""
    real, pending = getattr(os, call), [happens]

    def hooked(*args: Any, **kwargs: Any) -> Any:
        if pending:
            pending.pop()()
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, hooked)


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail

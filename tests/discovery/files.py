"""Files for discovery to find, and how it is looked into."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.conftest import World
from watcherd.discovery.discovery import Discovery
from watcherd.discovery.sightings import Found, Gone

UNPRIVILEGED = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def put(path: Path, content: bytes | None = None) -> Path:
    """A file with a content of its own; discovery does not mind that it is no music."""
    path.write_bytes(os.urandom(64) if content is None else content)
    return path


def order_of(world: World, *expected: tuple[type[Found | Gone], Path]) -> list[int]:
    """When each of these was told, among all that was."""
    return [
        next(i for i, told in enumerate(world.told) if isinstance(told, kind) and told.path == path)
        for kind, path in expected
    ]


def observer_of(discovery: Discovery) -> Any:
    """watchdog's own, below our layers."""
    tracker = discovery._watchers[0]._tracker
    assert tracker is not None
    source = tracker._keeper._source
    assert source is not None
    return source._observer

"""Walking through a root: every file that may be a recording, and every folder that was read."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watcherd.discovery.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Seen:
    """A file whose name is that of a recording, whatever kind of file it is."""

    path: Path
    status: os.stat_result
    """By ``lstat``."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is about to be read."""

    path: Path


@dataclass(frozen=True, slots=True)
class FolderFailed:
    """A folder that could not be read, or not to its end."""

    path: Path
    error: OSError


def walk(root: Path, top: Path, candidates: Candidates) -> Iterator[Seen | Folder | FolderFailed]:
    """Everything at and below ``top``, which is the root or a folder in it; symbolic links are not followed.

    Lazy, and nothing is held open between two items. What vanishes meanwhile is left out.
    """
    start = len(os.path.join(root, ""))  # noqa: PTH118  Path drops the trailing slash that is the point
    folders = [str(top)]
    while folders:
        folder = folders.pop()
        yield Folder(Path(folder))
        try:
            entries = _listed(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield FolderFailed(Path(folder), error)
            continue
        for entry in entries:
            relative = entry.path[start:]
            try:
                if entry.is_dir(follow_symlinks=False):
                    if candidates.why_not_folder(relative) is None:
                        folders.append(entry.path)
                elif candidates.why_not_name(relative) is None:
                    yield Seen(Path(entry.path), entry.stat(follow_symlinks=False))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                yield FolderFailed(Path(folder), error)
                break


def is_folder(status: os.stat_result) -> bool:
    """Whether ``lstat`` found a folder."""
    return stat.S_ISDIR(status.st_mode)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    # At once, so that no folder stays open while others are at work: an open one cannot be unmounted.
    with os.scandir(folder) as listing:
        return list(listing)

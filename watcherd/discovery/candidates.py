"""What counts as a recording: by its name, its place below the root, and its kind. No content is looked at."""

import os
import re
import stat
from pathlib import Path
from typing import Final, Literal

from watcherd.config.patterns import compiled
from watcherd.discovery.contracts import WatchRoot

EXTENSIONS: Final = frozenset(
    {
        *("aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "awb", "caf", "dss", "dts", "eac3", "flac", "gsm"),
        *("m4a", "m4b", "mka", "mp2", "mp3", "mpga", "oga", "ogg", "opus", "qcp", "ra", "rf64", "spx", "tta", "w64"),
        *("wav", "weba", "wma", "wv"),
        *("3g2", "3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogv"),
        *("ts", "vob", "webm", "wmv"),
    }
)
"""Audio, then video; all of them ffmpeg can decode."""

_FOLDERS: Final[dict[str, str]] = {
    "#recycle": "a trash folder",
    "#snapshot": "a folder of snapshots",
    "$recycle.bin": "a trash folder",
    "@eadir": "a folder that a NAS keeps its indexes in",
    "@recently-snapshot": "a folder of snapshots",
    "@recycle": "a trash folder",
    "__macosx": "a folder of macOS metadata",
    "lost+found": "where the file system puts what it repaired",
    "system volume information": "a folder that Windows keeps for itself",
}
"""Lower-cased names of folders that hold no recordings of their own, beside those that begin with a dot."""

_UNFINISHED: Final = (
    (re.compile(r"^~syncthing~"), "Syncthing is still receiving it"),
    (re.compile(r"\.watcherd-[0-9a-f]{16}\."), "watcherd writes such files for a moment itself"),
    # The names of these end in the extension of the whole file. Downloaders and converters rename when they are done.
    (re.compile(r"\.te?mp\.[^.]+$", re.IGNORECASE), "its name is that of a temporary file"),
)

_SYNC_CONFLICT: Final = re.compile(
    r"""
    \.sync-conflict-\d{8}-\d{6}(-\w+)?\.     # Syncthing
    | _conflict-\d{8}-\d{6}\.                # Nextcloud before 2.6, ownCloud
    | \([^()]*conflicted\ copy\b[^()]*\)     # Dropbox, Nextcloud
    | \(SFConflict\ [^()]*\)                 # Seafile
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Candidates:
    """The rules of one root. Every method gives the reason why something is passed over, or None where it is not.

    A reason is half a sentence about the file: "it is empty; …". Relative paths are those below the root, joined by
    ``/``.
    """

    def __init__(self, root: WatchRoot) -> None:
        self._recursive = root.recursive
        self._conflicts: Literal["skip", "transcribe"] = root.sync_conflicts
        self._exclude = compiled(root.exclude) if root.exclude else None

    def why_not_folder(self, relative: str) -> str | None:
        """For a folder below the root; what lies above it is not looked at."""
        if not self._recursive:
            return "it lies in a sub-folder, and recursive is false for this folder"
        name = relative.rpartition("/")[2]
        if name.startswith("."):
            return f"it lies in {name}, and folders whose names begin with a dot are passed over"
        what = _FOLDERS.get(name.lower())
        if what is None and name.endswith(".download"):
            what = "where Safari keeps a download that is not finished"
        if what is not None:
            return f"it lies in {name}, {what}"
        if self._exclude is not None and self._exclude.match_file(relative + "/"):
            return f"it lies in {name}, which exclude leaves out"
        return None

    def why_not_name(self, relative: str) -> str | None:
        """For a file; the folders that it lies in are not looked at."""
        name = relative.rpartition("/")[2]
        stem, dot, extension = name.rpartition(".")
        if name.startswith("."):
            return "its name begins with a dot, as those of hidden, half-synced and macOS metadata files do"
        if not stem or not dot or extension.lower() not in EXTENSIONS:
            return "its name does not end like a recording's (.wav, .mp3, .m4a, .mp4 and others that ffmpeg decodes)"
        if unfinished := next((reason for pattern, reason in _UNFINISHED if pattern.search(name)), None):
            return unfinished
        if self._conflicts == "skip" and _SYNC_CONFLICT.search(name):
            return 'it is the copy that a sync conflict left, and sync_conflicts is "skip"'
        if self._exclude is not None and self._exclude.match_file(relative):
            return "exclude leaves it out"
        return None

    def why_not_folders(self, relative: str) -> str | None:
        """For a folder with all the folders that it lies in; nothing speaks against the root, the empty path."""
        parts = relative.split("/") if relative else []
        paths = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        return next(filter(None, map(self.why_not_folder, paths)), None)

    def why_not_path(self, relative: str) -> str | None:
        """For a file with all the folders that it lies in."""
        return self.why_not_folders(relative.rpartition("/")[0]) or self.why_not_name(relative)


def why_not_kind(status: os.stat_result) -> str | None:
    """The reason in what ``lstat`` says of the file, as of ``Candidates``."""
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "it is a symbolic link; the file that it points to is taken where it lies itself"
    if stat.S_ISDIR(mode):
        return "it is a folder"
    if not stat.S_ISREG(mode):
        return "it is no regular file but a pipe, a socket or a device, which are never opened"
    if status.st_size == 0:
        return "it is empty; it is looked at as soon as something is written to it"
    return None


def why_not_reached(root: Path, relative: Path) -> str | None:
    """The reason in the folders between the root and a path: one of them is a symbolic link."""
    for folder in list(relative.parents)[-2::-1]:
        if (root / folder).is_symlink():
            return f"it lies in {folder.name}, a symbolic link, and these are not followed"
    return None


def why_ignored(root: WatchRoot, path: Path) -> str | None:
    """Why a path below a root is not taken for a recording, as half a sentence; None where it is taken.

    Looks at the names, then at what is there now.
    """
    try:
        relative = path.relative_to(root.path)
    except ValueError:
        return "it is not in this folder"
    if reason := Candidates(root).why_not_path(relative.as_posix()):
        return reason
    try:
        return why_not_reached(root.path, relative) or why_not_kind(path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return "it does not exist"
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"

"""What people and their programs do to a folder of recordings: ``python -m tests.fuzz.chaos FOLDER SEED ACTIONS``.

Runs as a process of its own beside the daemon. Every action that it takes is decided by the seed; what it finds in the
folder depends on the daemon only in names that it never touches.
"""

import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from tests.fuzz.recordings import ID3_TITLES, append_frames, make_recording, retag

PAUSE_S: Final = 0.03
GROWING: Final = "growing.mp3"


class Chaos:
    """The actions, each on files chosen at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._made = 0

    def act(self) -> None:
        """One action."""
        actions = (
            self._copy_in,
            self._copy_in,
            self._copy_in_slowly,
            self._move_in,
            self._append,
            self._rename,
            self._move,
            self._copy,
            self._link,
            self._retag,
            self._replace,
            self._touch,
            self._delete,
            self._move_directory,
        )
        try:
            self._random.choice(actions)()
        except FileNotFoundError:
            return  # an action on a directory that another action has moved

    def _new_path(self) -> Path:
        self._made += 1
        directory = self._folder / self._random.choice(["", "a", "b", "a/deep"])
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{self._made:05}.mp3"

    def _any(self) -> Path:
        """A recording that is there; never the growing one."""
        found = sorted(path for path in self._folder.rglob("*.mp3") if path.name != GROWING)
        if not found:
            raise FileNotFoundError
        return self._random.choice(found)

    def _recording(self) -> bytes:
        return make_recording(self._random.randrange(1 << 30))

    def _copy_in(self) -> None:
        self._new_path().write_bytes(self._recording())

    def _copy_in_slowly(self) -> None:
        data = self._recording()
        with self._new_path().open("wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // 4 + 1):
                file.write(data[start : start + len(data) // 4 + 1])
                time.sleep(PAUSE_S)

    def _move_in(self) -> None:
        outside = self._folder.with_name("outside.mp3")
        outside.write_bytes(self._recording())
        outside.rename(self._new_path())

    def _append(self) -> None:
        with self._any().open("ab") as file:
            file.write(append_frames(self._random.randrange(1 << 30)))

    def _rename(self) -> None:
        path = self._any()
        path.rename(path.with_name(f"renamed-{self._new_path().name}"))

    def _move(self) -> None:
        self._any().rename(self._new_path())

    def _copy(self) -> None:
        shutil.copy2(self._any(), self._new_path())

    def _link(self) -> None:
        os.link(self._any(), self._new_path())

    def _retag(self) -> None:
        path = self._any()
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(retag(path.read_bytes(), self._random.choice(ID3_TITLES)))
        temporary.rename(path)

    def _replace(self) -> None:
        path = self._any()
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(self._recording())
        temporary.rename(path)

    def _touch(self) -> None:
        os.utime(self._any())

    def _delete(self) -> None:
        self._any().unlink()

    def _move_directory(self) -> None:
        source = self._folder / self._random.choice(["a", "b"])
        self._made += 1
        source.rename(self._folder / f"moved-{self._made:05}")


def main() -> None:
    """Act until told to end by SIGTERM, or until all actions are taken; one recording grows all the time."""
    folder, seed, actions = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chaos = Chaos(folder, seed)
    with (folder / GROWING).open("ab", buffering=0) as growing:
        for number in range(actions):
            growing.write(append_frames(number))
            chaos.act()
            print(number, flush=True)
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()

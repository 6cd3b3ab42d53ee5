"""Whether the watched folders and the ledger's place can be used: the questions that need the disk."""

import os
import pwd
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from watcherd.config.complaints import Complaint, Location, key_name
from watcherd.names import printable


def check_places(
    roots: Mapping[Location, Path], outputs: Mapping[Location, Path], ledger: Path | None
) -> list[Complaint]:
    """All that is wrong with the watched folders and those for sidecars, and with where the ledger lies.

    Args:
        roots: absolute paths, by the keys that name them.
        outputs: the same for ``output_dir``.
        ledger: the absolute path of the database; None where it is not known.
    """
    folders = [*roots.items(), *outputs.items()]
    complaints = [complaint for key, folder in folders if (complaint := check_folder(key, folder)) is not None]
    complaints += _overlaps(list(roots.items()))
    complaints += _check_outputs(outputs, roots)
    if ledger is not None:
        complaints += _check_ledger(ledger, roots.values())
    return complaints


def check_folder(key: Location, folder: Path) -> Complaint | None:
    """What keeps a folder from being watched at the start of the daemon, if anything."""
    name = printable(folder)
    quoted = printable(shlex.quote(str(folder)))
    try:
        if not folder.is_dir():
            if folder.exists():
                return Complaint(key, f"{name} is not a folder", "Name the folder that holds it")
            if folder.is_symlink():
                target = printable(folder.readlink())
                return Complaint(
                    key, f"{name} is a symbolic link to {target}, which does not exist", "Name a folder that exists"
                )
            return Complaint(key, f"{name} does not exist", f"Create it: mkdir -p {quoted}")
        readable = os.access(folder, os.R_OK | os.X_OK)
    except PermissionError:
        readable = False
    except OSError as error:
        return Complaint(key, f"{name} cannot be used: {error.strerror or error}", "Name a folder that can be read")
    if readable:
        return None
    return Complaint(
        key,
        f"{name} cannot be read by this user, {_user()}",
        "Permit this user to read, write and enter it, and to enter the folders above it",
    )


def _overlaps(roots: Sequence[tuple[Location, Path]]) -> Iterator[Complaint]:
    for number, (key, root) in enumerate(roots):
        for earlier_key, earlier in roots[:number]:
            if _same(root, earlier):
                how = f"is the same folder as {key_name(earlier_key)}"
            elif _lies_in(root, earlier):
                how = f"lies inside {key_name(earlier_key)}, {printable(earlier)}"
            elif _lies_in(earlier, root):
                how = f"holds {key_name(earlier_key)}, {printable(earlier)}"
            else:
                continue
            yield Complaint(
                key,
                f"{printable(root)} {how}, and its recordings would be taken twice",
                "Keep one of the two; exclude = [...] leaves out parts of a folder",
            )


def _check_outputs(outputs: Mapping[Location, Path], roots: Mapping[Location, Path]) -> Iterator[Complaint]:
    for key, output in outputs.items():
        for root_key, root in roots.items():
            if not _same(output, root):
                continue
            if root_key[:-1] == key[:-1]:
                what, remedy = "is the watched folder itself, where sidecars go anyway", "Leave the key out"
            else:
                what, remedy = f"is watched itself, as {key_name(root_key)}", "Name a folder for sidecars alone"
            yield Complaint(key, f"{printable(output)} {what}", remedy)


def _check_ledger(ledger: Path, roots: Iterable[Path]) -> Iterator[Complaint]:
    key: Location = ("ledger", "path")
    with suppress(OSError):  # out of reach: opening it says why
        if ledger.is_dir():
            yield Complaint(key, f"{printable(ledger)} is a folder", "Write the path of a file, or leave the key out")
    if any(_same(ledger.parent, root) or _lies_in(ledger, root) for root in roots):
        yield Complaint(
            key,
            f"{printable(ledger)} lies inside a watched folder, "
            "and a database in a folder that other programs synchronise gets damaged",
            "Name a file outside all watched folders, on a disk of this machine",
        )


def _lies_in(inner: Path, outer: Path) -> bool:
    """Whether a folder above ``inner`` is ``outer``, symbolic links and bind mounts seen through."""
    return any(_same(outer, above) for above in Path(os.path.realpath(inner)).parents)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        # At least one is not there, or is out of reach: the names are all there is to go by.
        return os.path.realpath(one) == os.path.realpath(other)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"

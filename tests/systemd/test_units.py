import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from watcherd.service.events import Event, told
from watcherd.service.units import unit

CATALOG = Path(__file__).parents[2] / "systemd" / "watcherd.catalog"
FIELDS = {
    "error": "WATCHERD_ERROR_CLASS",
    "language": "WATCHERD_LANGUAGE",
    "path": "WATCHERD_PATH",
    "root": "WATCHERD_ROOT",
    "sidecar": "WATCHERD_SIDECAR",
    "sidecars": "WATCHERD_SIDECAR",
}
"""The fields that an entry may speak of, by the facts of events."""
PROGRAM = ["/bin/true"]
"""systemd looks whether the program is there."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def entries() -> dict[str, str]:
    """The catalog's entries, by the id of the message."""
    text = "\n".join(line for line in CATALOG.read_text("utf-8").splitlines() if not line.startswith("#"))
    parts = re.split(r"^-- ([0-9a-f]{32})$", text, flags=re.MULTILINE)
    assert parts[0].strip() == ""
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def written_unit(folder: Path, kind: str) -> Path:
    path = folder / "watcherd.service"
    path.write_text(unit(f"{'user/' if kind == 'user' else ''}watcherd.service", PROGRAM, Path("/etc/x.toml")), "utf-8")
    return path


# The message catalog


def test_everything_that_asks_for_attention_and_every_outcome_is_in_the_catalog() -> None:
    wanted = {event.value.message_id for event in Event if event.value.level >= logging.WARNING}
    wanted |= {Event.DONE.value.message_id, Event.NO_SPEECH.value.message_id}
    assert wanted <= entries().keys()


def test_the_catalog_explains_no_message_that_is_not_sent() -> None:
    assert entries().keys() <= {event.value.message_id for event in Event}


@pytest.mark.parametrize(("message_id", "entry"), entries().items())
def test_an_entry_has_a_subject_an_author_and_an_explanation(message_id: str, entry: str) -> None:
    head, _, explanation = entry.strip().partition("\n\n")
    assert re.fullmatch(r"Subject: \S.+\nDefined-By: watcherd", head), message_id
    assert explanation.strip()


@pytest.mark.parametrize("event", [event for event in Event if event.value.message_id in entries()])
def test_an_entry_speaks_of_fields_that_its_message_has(event: Event) -> None:
    """A field that the message lacks would stand there as @FIELD@."""
    spoken_of = set(re.findall("@([A-Z_]+)@", entries()[event.value.message_id]))
    assert spoken_of <= {FIELDS[fact] for fact in told(event) if fact in FIELDS}


# The units, as systemd reads them


@needs_systemd
@pytest.mark.parametrize("kind", ["system", "user"])
def test_systemd_has_nothing_to_say_against_the_unit(kind: str, tmp_path: Path) -> None:
    path = written_unit(tmp_path, kind)
    # Unknown keys are only told, so that the exit status says little.
    verify = subprocess.run(
        ["systemd-analyze", f"--{kind}", "verify", path], capture_output=True, text=True, check=False
    )
    assert (verify.returncode, verify.stderr) == (0, "")


@needs_systemd
def test_the_system_unit_exposes_little(tmp_path: Path) -> None:
    path = written_unit(tmp_path, "system")
    # The threshold is in tenths of the exposure, which goes from 0 to 10.
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert security.returncode == 0, security.stdout + security.stderr

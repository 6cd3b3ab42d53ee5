"""Sidecars of a single command, which knows only what it wrote itself."""

from pathlib import Path

from tests.sidecars.conftest import spoken
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.placement import Wishes, publish_sidecars
from watcherd.sidecars.records import RunRecords
from watcherd.sidecars.rendering import Provenance

PROVENANCE = Provenance(bytes(32), "packaged:base", None, "language=auto")


def test_one_command_does_not_overwrite_what_it_wrote_itself(tmp_path: Path) -> None:
    records, output = RunRecords(), tmp_path / "out"
    output.mkdir()
    reports = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        recording = tmp_path / folder / "memo.mp3"
        recording.touch()
        records.recording = recording
        reports.append(
            publish_sidecars(
                recording, spoken(folder), PROVENANCE, Wishes(("txt",)), records, destination=Destination(output, None)
            )
        )
    assert [report.written for report in reports] == [[output / "memo.txt"], [output / "memo.mp3.txt"]]
    assert (output / "memo.txt").read_text() == "one\n"
    assert (output / "memo.mp3.txt").read_text() == "two\n"


def test_a_second_command_keeps_what_the_first_one_wrote(tmp_path: Path) -> None:
    recording = tmp_path / "memo.mp3"
    recording.touch()
    for text, count in (("one", 1), ("one", 1), ("two", 0)):
        records = RunRecords()
        records.recording = recording
        report = publish_sidecars(
            recording,
            spoken(text),
            PROVENANCE,
            Wishes(("txt",)),
            records,
            destination=Destination.beside(recording, None),
        )
        assert len(report.written) == count
    assert report.kept == [tmp_path / "memo.txt"]
    assert (tmp_path / "memo.txt").read_text() == "one\n"

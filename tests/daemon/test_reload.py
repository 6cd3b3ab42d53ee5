"""A configuration that changes while the daemon runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Speaker
from tests.daemon.running import Installation, Running


def test_a_reload_takes_up_another_folder_and_a_bad_configuration_is_refused(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(speak("This recording is in another folder."), other / "b.wav")
    daemon = start(installation)
    daemon.log.wait_for(" ready")
    good = installation.config.read_text()

    installation.config.write_text(good + '[[watch]]\npath = "/no/such/folder"\n')
    refused = installation.run("reload")
    installation.config.write_text(good.replace('settle = "500ms"', 'language = "de"'))
    foreign = installation.run("reload")
    installation.config.write_text(good + f'[[watch]]\npath = "{other}"\nsettle = "500ms"\n')
    taken = installation.run("reload")

    assert refused.returncode == 78
    assert "/no/such/folder does not exist" in refused.stderr
    assert foreign.returncode == 78
    assert 'watch[1].language is "de"' in foreign.stderr
    assert taken.returncode == 0
    daemon.log.wait_for("b.wav: done")
    assert daemon.stop() == 0


def test_a_vocabulary_holds_after_a_reload_and_for_what_is_done_again(
    installation: Installation, start: Callable[[Installation], Running], speak: Speaker, tmp_path: Path
) -> None:
    recording, text = installation.folder / "a.wav", installation.folder / "a.txt"
    shutil.copy(
        speak("We should put the new numbers into Grafana before the meeting on Friday.", voice="en-us"), recording
    )
    daemon = start(installation)
    daemon.log.wait_for("a.wav: done")
    assert "Grafana" not in text.read_text()

    tried = installation.run("transcribe", "-o", tmp_path, "--json", "--vocabulary", "Proxmox, Grafana", recording)
    assert "Grafana" in json.loads(tried.stdout)[0]["segments"][0]["text"]

    names = json.dumps(["Proxmox", "Grafana", *(f"Llanfairpwllgwyngyll {number}" for number in range(50))])
    installation.config.write_text(
        installation.config.read_text().replace('settle = "500ms"', f'settle = "500ms"\n        vocabulary = {names}')
    )
    assert installation.run("reload").returncode == 0
    assert installation.run("redo", recording).returncode == 0

    daemon.log.wait_for("a.wav: done", times=2)
    assert "Grafana" in text.read_text()
    assert sum("of the 52 entries of its vocabulary" in line for line in daemon.log.lines) == 1

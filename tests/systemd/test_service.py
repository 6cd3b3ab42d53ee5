"""The service of the system, from its installation to its end, in the order in which a user meets it."""

import pytest

from tests.conftest import Speaker
from tests.systemd.conftest import WATCHERD, Box, message_id
from watcherd.service.events import Event

CONFIG = "/etc/watcherd/config.toml"
FOLDER = '/srv/Bob\'s 100% \\ "own" folder'
"""All that is special in a unit."""
SETTINGS = f"""
    [model]
    id = "packaged:tiny.en"
    device = "cpu"
    [[watch]]
    path = '''{FOLDER}'''
    settle = "200ms"
"""
GPU, NO_GPU = "/dev/dxg", "/dev/something"
SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def service(box: Box) -> Box:
    """Installed, its folder open to it, not started."""
    box.said("mkdir", "-p", FOLDER)
    box.write(CONFIG, SETTINGS)
    box.said(WATCHERD, "install")
    box.said("chown", "watcherd:", FOLDER)
    # A start looks for the nodes. No driver has these numbers: what may open a node hears that, and what may not is
    # refused before.
    for node, minor in ((GPU, "1"), (NO_GPU, "2")):
        box.said("mknod", "--mode=666", node, "c", "240", minor)
    return box


@pytest.fixture
def running(service: Box) -> Box:
    """Started, unless it runs already."""
    service.said("systemctl", "start", "watcherd")
    return service


def test_a_configuration_that_cannot_be_used_is_told_and_not_started_again(service: Box) -> None:
    service.write(CONFIG, SETTINGS.replace("200ms", "200 moments"))
    try:
        failed = service.run("systemctl", "start", "watcherd")
        assert failed.returncode == 1
        assert service.show("watcherd", "ActiveState", "ExecMainStatus", "NRestarts") == {
            "ActiveState": "failed",
            "ExecMainStatus": "78",
            "NRestarts": "0",
        }
        told = service.said("journalctl", "--unit=watcherd", "--output=cat", "--lines=20")
        assert f"{CONFIG}:7: watch[1].settle:" in told
    finally:
        service.write(CONFIG, SETTINGS)
        service.said("systemctl", "reset-failed", "watcherd")


def test_a_recording_is_transcribed_and_the_journal_tells_its_story(running: Box, speak: Speaker) -> None:
    recording = f"{FOLDER}/memo.wav"
    assert running.show("watcherd", "ActiveState", "StatusText") == {
        "ActiveState": "active",
        "StatusText": "idle; nothing done yet",
    }
    running.copy(speak(SENTENCE), recording)
    done = running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")

    # The transcript, and whose it is.
    assert "lazy dog" in running.said("cat", f"{FOLDER}/memo.txt")
    assert running.said("stat", "--format=%U %a", f"{FOLDER}/memo.srt") == "watcherd 644\n"

    # The record, and what it is about.
    assert (done["PRIORITY"], done["_SYSTEMD_UNIT"]) == ("5", "watcherd.service")
    assert done["WATCHERD_STATE"] == "done"
    assert done["WATCHERD_SIDECAR"] == [f"{FOLDER}/memo.srt", f"{FOLDER}/memo.txt"]
    story = [record["MESSAGE_ID"] for record in running.journal("--unit=watcherd", f"WATCHERD_PATH={recording}")]
    told = [event.value.message_id for event in (Event.FOUND, Event.STARTED, Event.TRANSCRIBED, Event.DONE)]
    assert story == told

    # And what a person is told who asks for more.
    explained = running.said("journalctl", "--catalog", message_id(Event.DONE))
    assert f"Subject: {recording} is transcribed" in explained
    assert f"journalctl WATCHERD_PATH={recording}" in explained


def test_it_says_nothing_twice_and_nothing_that_nobody_asked_for(running: Box) -> None:
    invocation = running.show("watcherd", "InvocationID")["InvocationID"]
    running.await_record(message_id(Event.READY), f"_SYSTEMD_INVOCATION_ID={invocation}")
    told = running.journal(f"_SYSTEMD_INVOCATION_ID={invocation}")
    assert all("MESSAGE_ID" in record for record in told), [record["MESSAGE"] for record in told]


def test_of_devices_it_may_open_those_of_gpus_alone(running: Box) -> None:
    group = "/sys/fs/cgroup" + running.show("watcherd", "ControlGroup")["ControlGroup"]
    opened = {
        node: running.run("sh", "-c", f"echo $$ >{group}/cgroup.procs && exec cat {node}").stderr
        for node in (GPU, NO_GPU)
    }
    assert "No such device" in opened[GPU]
    assert "Operation not permitted" in opened[NO_GPU]


def test_after_its_end_ledger_and_sidecars_are_there(service: Box) -> None:
    service.said("systemctl", "enable", "--now", "watcherd")
    told = service.said(WATCHERD, "uninstall")
    assert "the service is stopped" in told
    assert service.show("watcherd", "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}
    service.said("test", "-s", "/var/lib/watcherd/ledger.sqlite3")
    service.said("test", "-s", f"{FOLDER}/memo.srt")
    assert service.run("test", "-L", "/etc/systemd/system/multi-user.target.wants/watcherd.service").returncode == 1

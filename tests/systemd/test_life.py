"""What a service meets in its life: new configurations, stops, what hangs, a full disk, people who ask it."""

import json

import pytest

from tests.conftest import Speaker
from tests.systemd.conftest import REPOSITORY, WATCHERD, Box, message_id
from watcherd.service.events import Event

CONFIG = "/etc/watcherd/config.toml"
FOLDER = "/srv/sync"
NEW_FOLDER = "/srv/new"
SMALL_DISK = "/srv/small"


def config(*folders: str, model: str = "", watch: str = "") -> str:
    tables = "".join(f'[[watch]]\npath = "{folder}"\nsettle = "200ms"\n{watch}\n' for folder in folders)
    return f'[model]\nid = "packaged:tiny.en"\ndevice = "cpu"\n{model}\n{tables}'


@pytest.fixture(scope="module")
def running(box: Box) -> Box:
    """Installed for two folders, one of them on a disk of 8 MB, and started: once, since it loads the model."""
    box.said("mkdir", "-p", FOLDER, NEW_FOLDER, SMALL_DISK)
    box.said("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", SMALL_DISK)
    box.write(CONFIG, config(FOLDER, SMALL_DISK))
    box.said(WATCHERD, "install")
    box.said("chown", "watcherd:", FOLDER, NEW_FOLDER, SMALL_DISK)
    box.said("systemctl", "start", "watcherd")
    return box


def reload(box: Box, text: str) -> None:
    box.write(CONFIG, text)
    box.said("systemctl", "reload", "watcherd")


def engine_of(box: Box) -> str:
    return box.said("pgrep", "--parent", box.show("watcherd", "MainPID")["MainPID"]).strip()


def states(box: Box) -> dict[str, str]:
    entries = json.loads(box.said(WATCHERD, "list", "--json"))
    return {entry["path"]: f"{entry['state']} {entry['attempts']}" for entry in entries}


def test_a_full_disk_blocks_and_says_what_to_do(running: Box, speak: Speaker) -> None:
    recording = f"{SMALL_DISK}/memo.wav"
    running.said("fallocate", "--length=6M", f"{SMALL_DISK}/filler")
    running.copy(speak("The first brown fox jumps over the lazy dog."), recording)
    blocked = running.await_record(message_id(Event.BLOCKED), f"WATCHERD_PATH={recording}")
    assert (blocked["PRIORITY"], blocked["WATCHERD_STATE"]) == ("3", "blocked")
    assert f"Make room; `df -h {SMALL_DISK}`" in blocked["MESSAGE"]
    running.said("rm", f"{SMALL_DISK}/filler")  # what comes of it is seen below: it is tried again after a minute


def test_a_reload_applies_a_good_configuration_and_refuses_a_bad_one_and_drops_no_work(
    running: Box, speak: Speaker
) -> None:
    recording = f"{FOLDER}/memo.wav"
    engine = engine_of(running)
    running.said("kill", "-STOP", engine)  # so that the recording is in hand for as long as this takes
    running.copy(speak("The second brown fox jumps over the lazy dog."), recording)
    running.await_record(message_id(Event.STARTED), f"WATCHERD_PATH={recording}")

    later = running.later()
    running.write(CONFIG, config(FOLDER, model="language = 'Klingon'"))
    refused = running.run("systemctl", "reload", "watcherd")
    assert refused.returncode != 0
    assert "language" in running.await_record(later, message_id(Event.CONFIG_REFUSED))["MESSAGE"]
    assert running.show("watcherd", "ActiveState")["ActiveState"] == "active"

    reload(running, config(FOLDER, SMALL_DISK, model="language = 'en'", watch="formats = ['txt']"))
    running.await_record(later, message_id(Event.CONFIG_RELOADED))
    assert running.show("watcherd", "ActiveState")["ActiveState"] == "active"
    assert engine_of(running) == engine
    running.said("kill", "-CONT", engine)
    done = running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")
    assert done["WATCHERD_SIDECAR"] == f"{FOLDER}/memo.txt"
    assert len(running.journal(message_id(Event.STARTED), f"WATCHERD_PATH={recording}")) == 1


def test_an_engine_that_hangs_is_replaced_and_its_recording_done(running: Box, speak: Speaker) -> None:
    reload(running, config(FOLDER, SMALL_DISK, model="stall_timeout = '10s'"))
    before = running.show("watcherd", "MainPID")["MainPID"]
    engine = engine_of(running)
    recording = f"{FOLDER}/hangs.wav"
    running.said("kill", "-STOP", engine)
    running.copy(speak("The third brown fox jumps over the lazy dog."), recording)
    running.await_record(message_id(Event.STARTED), f"WATCHERD_PATH={recording}")
    running.await_record(message_id(Event.ENGINE_STALLED))
    running.await_record(message_id(Event.ENGINE_DIED), f"WATCHERD_PATH={recording}")
    running.await_record(message_id(Event.RETRY), f"WATCHERD_PATH={recording}")
    running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")
    assert engine_of(running) != engine
    assert running.show("watcherd", "MainPID")["MainPID"] == before
    reload(running, config(FOLDER, SMALL_DISK))


def test_a_stop_during_work_is_soon_over_and_the_next_start_goes_on(running: Box, speak: Speaker) -> None:
    box, recording = running, f"{FOLDER}/later.wav"
    box.said("kill", "-STOP", engine_of(box))
    box.copy(speak("The fourth brown fox jumps over the lazy dog."), recording)
    box.await_record(message_id(Event.STARTED), f"WATCHERD_PATH={recording}")
    box.said("systemctl", "stop", "watcherd")
    times = box.show("watcherd", "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic", "Result")
    assert times.pop("Result") == "success"
    left, ended = (int(time) for time in times.values())
    assert ended - left < 10_000_000
    assert states(box)[recording] == "pending 0"

    box.said("systemctl", "start", "watcherd")
    box.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")
    assert states(box)[recording] == "done 1"


def test_an_idle_engine_gives_its_memory_back_and_sighup_is_a_reload(running: Box) -> None:
    later = running.later()
    running.write(CONFIG, config(FOLDER, SMALL_DISK, model="idle_unload = '1s'"))
    running.said("systemctl", "kill", "--kill-who=main", "--signal=HUP", "watcherd")
    running.await_record(later, message_id(Event.CONFIG_RELOADED))
    running.await_record(later, message_id(Event.ENGINE_UNLOADED))
    assert running.run("pgrep", "--parent", running.show("watcherd", "MainPID")["MainPID"]).stdout == ""
    reload(running, config(FOLDER, SMALL_DISK))


def test_a_pause_frees_the_memory_and_outlives_a_restart(running: Box) -> None:
    running.said(WATCHERD, "pause")
    assert running.show("watcherd", "StatusText")["StatusText"].startswith("paused")
    running.said("systemctl", "restart", "watcherd")
    assert running.show("watcherd", "ActiveState")["ActiveState"] == "active"
    assert running.show("watcherd", "StatusText")["StatusText"].startswith("paused")
    assert running.run("pgrep", "--parent", running.show("watcherd", "MainPID")["MainPID"]).stdout == ""
    later = running.later()
    assert running.said(WATCHERD, "resume") == "the work goes on\n"
    running.await_record(later, message_id(Event.RESUMED))


def test_members_of_its_group_may_ask_it_and_others_are_told_how_to(running: Box) -> None:
    running.write("/etc/sysusers.d/people.conf", "u member -\nu stranger -\nm member watcherd\n")
    running.said("systemd-sysusers", "/etc/sysusers.d/people.conf")
    (socket,) = running.said("sh", "-c", "ls /run/watcherd/*.sock").split()
    assert running.said("stat", "--format=%U %G %a", socket) == "watcherd watcherd 660\n"

    for who in (None, "member"):
        assert running.said(WATCHERD, "status", user=who).startswith("idle")
        assert FOLDER in running.said(WATCHERD, "list", user=who)
    refused = running.run(WATCHERD, "status", user="stranger")
    assert refused.returncode == 69
    assert "usermod -aG watcherd" in refused.stderr
    assert "stopped" not in refused.stdout


def test_a_folder_that_the_service_may_not_write_to_is_told_with_what_opens_it(running: Box, speak: Speaker) -> None:
    recording = f"{NEW_FOLDER}/memo.wav"
    running.copy(speak("The sixth brown fox jumps over the lazy dog."), recording)
    reload(running, config(FOLDER, SMALL_DISK, NEW_FOLDER))
    blocked = running.await_record(message_id(Event.BLOCKED), f"WATCHERD_PATH={recording}")
    assert "sudo watcherd install`, then `sudo systemctl restart watcherd" in blocked["MESSAGE"]

    running.said(WATCHERD, "install")
    running.said("systemctl", "restart", "watcherd")
    running.said(WATCHERD, "retry", recording)  # or wait for a minute
    running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")


def test_a_name_that_is_not_utf8_is_found_in_the_journal(running: Box, speak: Speaker) -> None:
    recording = f"{FOLDER}/\udcff.wav"
    running.copy(speak("The fifth brown fox jumps over the lazy dog."), recording)
    done = running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")
    assert bytes(done["WATCHERD_PATH"]) == f"{FOLDER}/".encode() + b"\xff.wav"


def test_the_queries_of_the_readme_find_something(running: Box) -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    queries = [line.split(" #")[0].split() for line in readme.splitlines() if line.startswith("journalctl ")]
    assert len(queries) == 5
    for query in queries:
        found = running.said(*(word for word in query if word != "-f"))  # which does not end
        assert "watcherd" in found, query


def test_an_idle_service_is_soon_stopped_and_that_is_a_good_end(running: Box) -> None:
    running.said("systemctl", "stop", "watcherd")
    times = running.show("watcherd", "ActiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic", "Result")
    assert times.pop("Result") == "success"
    left, ended = (int(time) for time in times.values())
    assert ended - left < 10_000_000


def test_it_can_be_stopped_while_the_model_is_loading(running: Box) -> None:
    running.said("systemctl", "stop", "watcherd")
    later = running.later()
    running.said("systemctl", "start", "--no-block", "watcherd")
    running.await_record(later, message_id(Event.STARTING))
    running.said("systemctl", "stop", "watcherd")
    assert running.show("watcherd", "ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}


def test_a_daemon_that_hangs_is_ended_with_a_traceback_and_started_again(running: Box) -> None:
    drop_in = "/run/systemd/system/watcherd.service.d/impatient.conf"
    running.write(drop_in, "[Service]\nWatchdogSec=4s\nRestartSec=0\n")
    running.said("systemctl", "daemon-reload")
    running.said("systemctl", "restart", "watcherd")
    before = running.show("watcherd", "MainPID", "InvocationID")
    running.said("kill", "-STOP", before["MainPID"])
    running.await_record("UNIT=watcherd.service", "UNIT_RESULT=watchdog")
    running.await_record("UNIT=watcherd.service", "N_RESTARTS=1")  # systemd's own doing
    running.said("systemctl", "start", "watcherd")
    after = running.show("watcherd", "MainPID", "ActiveState", "NRestarts")
    assert (after["ActiveState"], after["NRestarts"]) == ("active", "1")
    assert after["MainPID"] != before["MainPID"]
    told = running.said("journalctl", "--output=cat", f"_SYSTEMD_INVOCATION_ID={before['InvocationID']}")
    assert "Fatal Python error: Aborted" in told
    running.said("rm", drop_in)
    running.said("systemctl", "daemon-reload")


def test_what_was_blocked_goes_on_by_itself_when_there_is_room(running: Box) -> None:
    running.await_record(message_id(Event.DONE), f"WATCHERD_PATH={SMALL_DISK}/memo.wav")

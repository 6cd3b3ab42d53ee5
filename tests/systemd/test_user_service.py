"""The service of one user, who is no administrator and keeps recordings in the home."""

import pytest

from tests.conftest import Speaker
from tests.systemd.conftest import WATCHERD, Box
from watcherd.service.events import Event

HOME = "/home/alice"
RUNTIME = "/run/user/4711"
ENVIRON = {"HOME": HOME, "USER": "alice", "XDG_RUNTIME_DIR": RUNTIME, "PATH": "/usr/bin:/bin"}
CONFIG = f"{HOME}/.config/watcherd/config.toml"
SETTINGS = '[model]\nid = "packaged:tiny.en"\n[[watch]]\npath = "~/Sync"\nsettle = "200ms"\n'
UNIT = f"{HOME}/.config/systemd/user/watcherd.service"


@pytest.fixture(scope="module")
def alice(box: Box) -> Box:
    """Alice is logged in: her service manager runs, as logind would have started it."""
    box.write("/etc/sysusers.d/alice.conf", f"u alice 4711 - {HOME} /bin/bash\n")
    box.said("systemd-sysusers", "/etc/sysusers.d/alice.conf")
    box.said("install", "--directory", "--owner=alice", "--group=alice", "--mode=700", HOME, f"{HOME}/Sync")
    # The box has no logind, which would do the same when she logs in.
    box.write(
        "/run/systemd/system/user-runtime-dir@.service",
        """
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=install --directory --owner=%i --mode=700 /run/user/%i
        """,
    )
    box.write(
        "/run/systemd/system/user@.service.d/without-logind.conf",
        """
        [Service]
        PAMName=
        Environment=XDG_RUNTIME_DIR=/run/user/%i
        """,
    )
    box.said("systemctl", "daemon-reload")
    box.said("systemctl", "start", "user@4711.service")
    box.write(CONFIG, SETTINGS)
    box.said("chown", "-R", "alice:", f"{HOME}/.config")
    return box


def as_alice(box: Box, *command: str) -> str:
    return box.said(*command, user="alice", environ=ENVIRON)


def test_a_user_runs_it_without_the_administrator(alice: Box, speak: Speaker) -> None:
    told = as_alice(alice, str(WATCHERD), "install", "--user")
    assert f"wrote {UNIT}" in told
    assert "systemd has read its units again" in told
    assert as_alice(alice, str(WATCHERD), "install", "--user").startswith(f"{UNIT} is as it should be")

    as_alice(alice, "systemctl", "--user", "enable", "--now", "watcherd")
    recording = f"{HOME}/Sync/memo.wav"
    alice.copy(speak("The quick brown fox jumps over the lazy dog."), recording)
    done = alice.await_record(f"MESSAGE_ID={Event.DONE.value.message_id}", f"WATCHERD_PATH={recording}")
    assert (done["_UID"], done["_SYSTEMD_USER_UNIT"]) == ("4711", "watcherd.service")
    assert "lazy dog" in alice.said("cat", f"{HOME}/Sync/memo.txt")
    assert alice.said("stat", "--format=%U", f"{HOME}/Sync/memo.srt") == "alice\n"
    alice.said("test", "-s", f"{HOME}/.local/state/watcherd/ledger.sqlite3")
    assert '"state": "idle"' in as_alice(alice, str(WATCHERD), "status", "--json")

    # A frozen engine has the next recording in hand; neither reloads nor a stop lose it, and the next start does it.
    daemon = as_alice(alice, "systemctl", "--user", "show", "--value", "--property=MainPID", "watcherd").strip()
    alice.said("kill", "-STOP", alice.said("pgrep", "--parent", daemon).strip())
    recording = f"{HOME}/Sync/next.wav"
    alice.copy(speak("The second brown fox jumps over the lazy dog."), recording)
    alice.await_record(f"MESSAGE_ID={Event.STARTED.value.message_id}", f"WATCHERD_PATH={recording}")
    alice.write(CONFIG, SETTINGS.replace("200ms", "200 moments"))
    reload = ("systemctl", "--user", "reload", "watcherd")
    assert alice.run(*reload, user="alice", environ=ENVIRON).returncode != 0
    alice.write(CONFIG, SETTINGS.replace("200ms", "300ms"))
    as_alice(alice, *reload)
    as_alice(alice, "systemctl", "--user", "stop", "watcherd")
    result = as_alice(alice, "systemctl", "--user", "show", "--property=ActiveState,Result", "watcherd")
    assert set(result.split()) == {"ActiveState=inactive", "Result=success"}
    as_alice(alice, "systemctl", "--user", "start", "watcherd")
    alice.await_record(f"MESSAGE_ID={Event.DONE.value.message_id}", f"WATCHERD_PATH={recording}")
    story = alice.journal("_SYSTEMD_USER_UNIT=watcherd.service", f"WATCHERD_PATH={recording}")
    assert [record["WATCHERD_STATE"] for record in story] == ["pending", "running", "running", "transcribed", "done"]

    told = as_alice(alice, str(WATCHERD), "uninstall", "--user")
    assert "the service is stopped" in told
    assert f"removed {UNIT}" in told
    loaded = as_alice(alice, "systemctl", "--user", "show", "--property=LoadState,ActiveState", "watcherd")
    assert set(loaded.split()) == {"LoadState=not-found", "ActiveState=inactive"}
    alice.said("test", "-s", f"{HOME}/.local/state/watcherd/ledger.sqlite3")
    alice.said("test", "-s", f"{HOME}/Sync/memo.srt")

"""Bringing models, with the environment variables of the Hub's client, which reads them when it is imported."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.engine.fake_hub import COMMIT, FakeHub
from tests.engine.model_files import contents, weights
from watcherd.engine.checkpoints import resolve
from watcherd.errors import EXIT_CONFIG, EXIT_OK, ModelUnavailableError

MODEL = "somebody/whisper-new"
OTHER_FORMATS = (
    "README.md",
    "flax_model.msgpack",
    "model.fp32-00001-of-00002.safetensors",
    "onnx/config.json",
    "onnx/model.onnx",
    "pytorch_model.bin",
    "training_state.safetensors",
)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    others = dict.fromkeys(OTHER_FORMATS, b"not to be brought")
    with FakeHub(MODEL, contents() | others).serving() as hub:
        yield hub


@pytest.fixture
def hf_home(tmp_path: Path) -> Path:
    return tmp_path / "huggingface"


def fetch(hub_url: str, hf_home: Path, model_id: str = MODEL, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub_url, "HF_HOME": str(hf_home), "NO_PROXY": "*"}
    return subprocess.run(
        [sys.executable, "-m", "watcherd", "model", "fetch", model_id],
        env=os.environ | given | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(hub_url: str, hf_home: Path, **environment: str) -> str:
    """What is said of a model that cannot be had, in one line."""
    done = fetch(hub_url, hf_home, **environment)
    assert done.returncode == EXIT_CONFIG, done.stderr
    said = done.stderr.strip().splitlines()[-1]
    assert f"watcherd model fetch {MODEL}" in said
    assert 'id = "packaged:base"' in said
    return said


def snapshot(hf_home: Path) -> Path:
    return hf_home / "hub" / "models--somebody--whisper-new" / "snapshots" / COMMIT


def test_a_model_is_brought_without_the_formats_that_are_not_read(hub: FakeHub, hf_home: Path) -> None:
    done = fetch(hub.url, hf_home)

    assert (done.returncode, done.stdout) == (EXIT_OK, f"{MODEL} is at {snapshot(hf_home)}\n"), done.stderr
    assert sorted(path.name for path in snapshot(hf_home).iterdir()) == sorted(contents())
    assert sorted(hub.sent) == sorted(contents())


def test_nothing_is_shown_of_the_download_where_nobody_looks(hub: FakeHub, hf_home: Path) -> None:
    assert fetch(hub.url, hf_home).stderr == ""


def test_a_model_that_was_brought_is_not_asked_for_again(hub: FakeHub, hf_home: Path) -> None:
    fetch(hub.url, hf_home)
    hub.refused = "RepoNotFound"

    assert fetch(hub.url, hf_home).returncode == EXIT_OK
    assert fetch(hub.url, hf_home, HF_HUB_OFFLINE="1").returncode == EXIT_OK


@pytest.mark.parametrize("lost", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_download_that_was_cut_off_goes_on(hub: FakeHub, hf_home: Path, lost: str, listed: bool) -> None:  # noqa: FBT001
    fetch(hub.url, hf_home)
    (snapshot(hf_home) / lost).resolve().unlink()
    (snapshot(hf_home) / lost).unlink()
    if not listed:  # as older clients left their caches, and those who bring single files
        (snapshot(hf_home).parents[1] / "trees" / f"{COMMIT}.json").unlink()
    hub.sent.clear()

    assert "not complete on this disk" in refusal("http://127.0.0.1:9", hf_home)
    assert fetch(hub.url, hf_home).returncode == EXIT_OK
    assert hub.sent == [lost]


def test_a_model_without_safetensors_is_told_with_the_alternative(hub: FakeHub, hf_home: Path) -> None:
    hub.files = {name: content for name, content in hub.files.items() if name != "model.safetensors"}
    said = refusal(hub.url, hf_home)
    assert "no weights as model.safetensors" in said
    assert str(snapshot(hf_home)) in said


def test_weights_that_are_damaged_on_the_hub_are_not_taken(hub: FakeHub, hf_home: Path) -> None:
    hub.files = {**hub.files, "model.safetensors": weights()[:-1]}
    assert "cut off or damaged" in refusal(hub.url, hf_home)


def test_a_model_that_the_hub_does_not_know_is_told_so(hub: FakeHub, hf_home: Path) -> None:
    hub.refused = "RepoNotFound"
    assert "the Hub knows no such model" in refusal(hub.url, hf_home)


def test_a_gated_model_is_told_so(hub: FakeHub, hf_home: Path) -> None:
    hub.gated = True
    assert "set HF_TOKEN" in refusal(hub.url, hf_home)


def test_offline_mode_is_named_as_the_reason(hub: FakeHub, hf_home: Path) -> None:
    assert "HF_HUB_OFFLINE is set" in refusal(hub.url, hf_home, HF_HUB_OFFLINE="1")
    assert hub.sent == []


def test_a_hub_that_cannot_be_reached_is_told_so(hf_home: Path) -> None:
    assert "the Hub cannot be reached" in refusal("http://127.0.0.1:9", hf_home)


def test_a_hub_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        monkeypatch.setattr("watcherd.engine.hub.ANSWER_S", 0.1)
        with pytest.raises(ModelUnavailableError, match=r"the Hub cannot be reached: .*(no answer|timed out)"):
            resolve(MODEL, download=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_named(hub: FakeHub, hf_home: Path) -> None:
    hf_home.mkdir(mode=0o500)
    said = refusal(hub.url, hf_home)
    assert "Permission denied" in said
    assert str(hf_home) in said

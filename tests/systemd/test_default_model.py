"""A model of the default one's size in the service's sandbox: what a tiny one asks of the kernel is not all of it."""

import json

import psutil
import pytest

from tests.conftest import Speaker
from tests.systemd.conftest import WATCHERD, Box, message_id
from watcherd.service.events import Event

FOLDER = "/srv/sync"
MODEL = "/opt/model"
CONFIG = f"""
    [model]
    id = "{MODEL}"
    device = "cpu"
    dtype = "int8"
    [[watch]]
    path = "{FOLDER}"
    settle = "200ms"
"""
MAKE = """
import sys, pathlib, bench.random_model
bench.random_model.make_random("distil-large-v3", pathlib.Path(sys.argv[1]))
"""
NEEDED_GIB = 8
"""For the weights in the memory of the box, and the engine while it loads them."""


def test_the_default_models_shape_works_in_the_sandbox(box: Box, speak: Speaker) -> None:
    if psutil.virtual_memory().available < NEEDED_GIB << 30:
        pytest.skip(f"less than {NEEDED_GIB} GiB of memory are free")
    # One thread copies as fast as several do, and waits for no other.
    box.said(WATCHERD.with_name("python"), "-c", MAKE, MODEL, environ={"OMP_NUM_THREADS": "1"})
    box.said("mkdir", FOLDER)
    box.write("/etc/watcherd/config.toml", CONFIG)
    box.said(WATCHERD, "install")
    box.said("chown", "watcherd:", FOLDER)
    recording = f"{FOLDER}/memo.wav"
    box.copy(speak("The quick brown fox jumps over the lazy dog."), recording)

    assert box.run("systemctl", "start", "watcherd").returncode != 0  # whoever made the weights kept them to himself
    assert f"chmod a+r {MODEL}/model.safetensors" in box.said("journalctl", "--unit=watcherd", "--output=cat")

    box.said("chmod", "a+r", f"{MODEL}/model.safetensors")
    box.said("systemctl", "start", "watcherd")
    box.await_record(message_id(Event.DONE), f"WATCHERD_PATH={recording}")
    (window,) = json.loads(box.said(WATCHERD, "show", "--json", recording))["windows"]
    assert len(window["text"].split()) > 20  # random words, as many as fit
    box.said("systemctl", "stop", "watcherd")
    assert box.show("watcherd", "Result")["Result"] == "success"

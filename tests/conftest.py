"""What every test stands on: a world without the user's home or the Hub, and recordings with known words."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

import pytest

OFF_LIMITS = (
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "HF_HUB_CACHE",
    "HF_TOKEN",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "WATCHERD_CONFIG",
)
"""What a service manager, or the shell of a developer, may have set and no test may see."""


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before any library reads it: some do so once, while they are imported."""
    sandbox = Path(tempfile.mkdtemp(prefix="watcherd-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(sandbox, ignore_errors=True))
    # A file where the home should be: whatever reaches for it fails with ENOTDIR, even as root.
    home = sandbox / "no-home-for-tests"
    home.touch()
    for name in OFF_LIMITS:
        os.environ.pop(name, None)
    os.environ |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(sandbox / "cache"),  # one for all tests: the packaged models are converted once
        "HF_HOME": str(sandbox / "huggingface"),
        "HF_HUB_OFFLINE": "1",
    }
    # As the daemon starts its engine: threads that wait must not take the time from those that work.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    # More threads than this only slow down models and recordings as small as ours.
    os.environ.setdefault("OMP_NUM_THREADS", str(min(4, os.cpu_count() or 1)))


@pytest.fixture(autouse=True)
def own_directories(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuration, data, state and runtime directories for each test alone, and not below its ``tmp_path``."""
    own = tmp_path_factory.mktemp("xdg")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        directory = own / name.split("_")[1].lower()
        directory.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(directory))


class Speaker(Protocol):
    """Says a text into a WAV file."""

    def __call__(self, text: str, *, voice: str = "en-gb", words_per_minute: int = 150) -> Path:
        """Return the file: 22.05 kHz mono, shared by the whole session, so copy it before changing it."""


@pytest.fixture(scope="session")
def speak(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    """Synthetic speech, made by espeak-ng; the same text is spoken once."""
    if shutil.which("espeak-ng") is None:
        pytest.fail("espeak-ng is not installed. Run `make test`, which brings it.")
    directory = tmp_path_factory.mktemp("spoken")
    spoken: dict[tuple[str, str, int], Path] = {}

    def say(text: str, *, voice: str = "en-gb", words_per_minute: int = 150) -> Path:
        key = (text, voice, words_per_minute)
        if key not in spoken:
            path = directory / f"{len(spoken):03}.wav"
            subprocess.run(
                ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", path, "--stdin"],
                input=text.encode(),
                check=True,
            )
            spoken[key] = path
        return spoken[key]

    return say


@pytest.fixture(scope="session")
def shared_speech() -> Path:
    """A folder of human speech that is not part of the repository; its README.md lists the words."""
    default = Path(__file__).parents[2] / "shared" / "speech"
    path = Path(os.environ.get("WATCHERD_SPEECH", default))
    if not path.is_dir():
        pytest.skip(f"no recordings of human speech at {path}; WATCHERD_SPEECH names another folder")
    return path

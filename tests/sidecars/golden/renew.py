"""Write the golden files anew; see README.md."""

import json
from datetime import UTC, datetime
from pathlib import Path

from watcherd import __version__
from watcherd.sidecars.formats import FORMATS
from watcherd.sidecars.rendering import Provenance, Rendering
from watcherd.transcript import Transcript

FOLDER = Path(__file__).parent
WEIGHTS = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
RECORDING = "32f360249971c3bdbdd3d7a61bcfed0d118e88decd2e0267d942651700bc8a1a"


def golden(format_name: str) -> Path:
    return FOLDER / f"Two voices.{format_name}"


def rendered(format_name: str) -> bytes:
    """The transcript in this format, whatever the version of watcherd."""
    transcript = Transcript.from_dict(json.loads((FOLDER / "transcript.json").read_text("utf-8")))
    provenance = Provenance(bytes.fromhex(RECORDING), "packaged:base", WEIGHTS, "language=en")
    recorded_at = datetime(2026, 11, 23, 9, 20, 58, tzinfo=UTC)
    content = FORMATS[format_name].render(Rendering(transcript, golden("flac"), recorded_at, provenance))
    assert content is not None
    return content.replace(f'"watcherd": "{__version__}"'.encode(), b'"watcherd": "VERSION"')


if __name__ == "__main__":
    for name in FORMATS:
        golden(name).write_bytes(rendered(name))

"""What a sidecar is made from: a transcript, where it comes from, and how it is to look."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote_from_bytes

from watcherd.names import printable
from watcherd.sidecars.cues import Layout
from watcherd.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which bytes a transcript was made of, and by what."""

    sha256: bytes
    """Of the recording, 32 bytes."""
    model_id: str
    model_revision: str | None
    """None where the model has none."""
    settings: str
    """The fingerprint of what else decided on the transcript, as the ledger keeps it."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """All that a format may want to know; see ``Format``."""

    transcript: Transcript
    recording: Path
    """Absolute; only its name and its place count, it need not be there."""
    recorded_at: datetime
    """When the recording was changed last, which sync programs keep; with a time zone."""
    provenance: Provenance
    layout: Layout = field(default_factory=Layout)
    folder: Path | None = None
    """Where the sidecar goes, absolute; None: beside the recording."""

    @property
    def name(self) -> str:
        """The recording's name, on one line of valid Unicode."""
        return printable(self.recording.name)

    @property
    def title(self) -> str:
        """The same without its ending."""
        return printable(self.recording.stem)

    @property
    def link(self) -> str:
        """The recording as seen from the sidecar: a relative URL."""
        path = os.path.relpath(self.recording, self.folder or self.recording.parent)
        return quote_from_bytes(os.fsencode(path))

"""JSON: everything that is known, for programs."""

import json
from datetime import UTC
from math import exp
from typing import Any, Final

from watcherd import __version__
from watcherd.sidecars.atoms import plain_words
from watcherd.sidecars.formats.format import Format
from watcherd.sidecars.rendering import Rendering
from watcherd.transcript import Segment, Word

VERSION: Final = 1
"""Of the document, as ``docs/transcript.schema.json`` describes it. It rises where readers would have to change."""


class Json(Format):
    """The whole transcript with where it comes from; ``docs/transcript.schema.json`` describes it.

    One segment a line, so that it can be read, compared and searched line by line. The ledger keeps its own form.
    """

    name = "json"

    def text(self, rendering: Rendering) -> str:
        """The document; where nobody speaks, without segments."""
        head = json.dumps(_head(rendering), ensure_ascii=False, indent=2).removesuffix("\n}")
        lines = [json.dumps(_segment(segment), ensure_ascii=False) for segment in rendering.transcript.segments]
        segments = "[" + ",".join(f"\n    {line}" for line in lines) + ("\n  ]" if lines else "]")
        return f'{head},\n  "segments": {segments}\n}}\n'


def _head(rendering: Rendering) -> dict[str, Any]:
    transcript, provenance = rendering.transcript, rendering.provenance
    return {
        "version": VERSION,
        "source": {
            "name": rendering.name,
            "sha256": provenance.sha256.hex(),
            "duration": transcript.duration_ms / 1000,
            "modified": rendering.recorded_at.astimezone(UTC).isoformat(timespec="seconds"),
        },
        "language": transcript.language,
        "language_suspect": transcript.language_suspect,
        "model": provenance.model_id,
        "model_revision": provenance.model_revision,
        "settings": provenance.settings,
        "watcherd": __version__,
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "speaker": segment.speaker,
        "confidence": None if segment.avg_logprob is None else round(min(1.0, exp(segment.avg_logprob)), 4),
        "text": _plain(segment.text),
        "words": [_word(word) for word in segment.words],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        "confidence": None if word.probability is None else round(word.probability, 4),
        "text": _plain(word.text),
    }


def _plain(text: str) -> str:
    return " ".join(plain_words(text))

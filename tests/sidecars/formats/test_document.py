import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.sidecars.renderings import LANGUAGES, SILENCE, in_language, text
from watcherd.transcript import Segment, Transcript, Word

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs" / "transcript.schema.json").read_text("utf-8"))

WORDS = (Word(300, 700, "Hello", 0.98765), Word(700, 1_000, "there."))
FULL = Transcript("en", 2_500, (Segment(300, 1_000, "Hello there.", WORDS, -0.25, "Anna"),), language_suspect=True)


def document(transcript: Transcript) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text("json", transcript))
    jsonschema.validate(read, SCHEMA, format_checker=jsonschema.FormatChecker())
    return read


def test_the_document_tells_all_that_is_known() -> None:
    read = document(FULL)
    assert read.pop("watcherd")
    assert read == {
        "version": 1,
        "source": {
            "name": "talk.mp3",
            "sha256": "00" * 32,
            "duration": 2.5,
            "modified": "2026-03-01T09:05:00+00:00",
        },
        "language": "en",
        "language_suspect": True,
        "model": "packaged:base",
        "model_revision": "4f2c",
        "settings": "language=auto",
        "segments": [
            {
                "start": 0.3,
                "end": 1.0,
                "speaker": "Anna",
                "confidence": 0.7788,
                "text": "Hello there.",
                "words": [
                    {"start": 0.3, "end": 0.7, "confidence": 0.9877, "text": "Hello"},
                    {"start": 0.7, "end": 1.0, "confidence": None, "text": "there."},
                ],
            }
        ],
    }


def test_the_schema_knows_every_key() -> None:
    read = document(FULL)
    segment = SCHEMA["properties"]["segments"]["items"]
    word = segment["properties"]["words"]["items"]
    for table, schema in (
        (read, SCHEMA),
        (read["source"], SCHEMA["properties"]["source"]),
        (read["segments"][0], segment),
        (read["segments"][0]["words"][0], word),
    ):
        assert table.keys() == schema["properties"].keys()
        assert set(schema["required"]) == table.keys()


@pytest.mark.parametrize("transcript", [SILENCE, *map(in_language, LANGUAGES)])
def test_every_transcript_makes_a_valid_document(transcript: Transcript) -> None:
    assert len(document(transcript)["segments"]) == len(transcript.segments)


def test_a_segment_is_one_line() -> None:
    lines = text("json", in_language("zh")).splitlines()
    assert sum('"start"' in line for line in lines) == 3


def test_the_schema_refuses_what_is_none_of_ours() -> None:
    read = document(FULL)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(read | {"version": 2}, SCHEMA)

"""What others make of our files: ffmpeg, pysubs2 and webvtt-py."""

import json
import subprocess
from io import StringIO
from pathlib import Path

import pysubs2
import pytest
import webvtt

from tests.sidecars.renderings import CONVERSATION, LANGUAGES, MARKUP, in_language, plain_in, rendered, text
from watcherd.config import values
from watcherd.sidecars.cues import Cue, Layout, cues
from watcherd.sidecars.formats import FORMATS
from watcherd.transcript import Transcript


def packets(file: Path) -> list[tuple[int, int]]:
    """Start and duration of each subtitle, in milliseconds, as ffprobe sees it."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time,duration_time", "-of", "json", file],
        capture_output=True,
        check=True,
    )
    assert shown.stderr == b""
    return [
        (round(float(packet["pts_time"]) * 1000), round(float(packet.get("duration_time", 0)) * 1000))
        for packet in json.loads(shown.stdout)["packets"]
    ]


def as_srt(file: Path) -> str:
    """What ffmpeg makes of a file when it decodes it."""
    converted = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", file, "-f", "srt", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return converted.stdout.decode().replace("\r", "")


def written(folder: Path, format_name: str, transcript: Transcript) -> Path:
    file = folder / f"talk.{format_name}"
    content = rendered(format_name, transcript)
    assert content is not None
    file.write_bytes(content)
    return file


def spans(expected: list[Cue]) -> list[tuple[int, int]]:
    return [(cue.start_ms, cue.end_ms - cue.start_ms) for cue in expected]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("format_name", ["srt", "vtt"])
def test_ffmpeg_shows_subtitles_at_their_times_and_with_their_words(
    tmp_path: Path, format_name: str, language: str
) -> None:
    transcript = plain_in(language, every_ms=50_000_000, until_ms=400_000_000)
    file = written(tmp_path, format_name, transcript)
    expected = cues(transcript, Layout())
    assert packets(file) == spans(expected)
    shown = as_srt(file)
    for cue in expected:
        assert "\n".join(cue.lines) in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_ffmpeg_shows_lyrics_at_their_times(tmp_path: Path, language: str) -> None:
    file = written(tmp_path, "lrc", plain_in(language))
    lines = file.read_text("utf-8").splitlines()[2:]
    starts = [round((60 * int(line[1:3]) + float(line[4:9])) * 1000) for line in lines]
    assert [start for start, _ in packets(file)] == starts
    assert starts == sorted(starts)
    shown = as_srt(file)
    for line in lines:
        assert line.partition("]")[2] in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_webvtt_py_reads_our_web_subtitles_back(language: str) -> None:
    transcript = in_language(language)
    captions = webvtt.from_buffer(StringIO(text("vtt", transcript))).captions
    expected = cues(transcript, Layout())
    assert [(caption.start_in_seconds, caption.end_in_seconds) for caption in captions] == [
        (cue.start_ms // 1000, cue.end_ms // 1000) for cue in expected
    ]
    unescaped = [
        caption.raw_text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for caption in captions
    ]
    assert unescaped == ["\n".join(cue.lines) for cue in expected]


def test_webvtt_py_sees_who_speaks() -> None:
    captions = webvtt.from_buffer(StringIO(text("vtt", CONVERSATION))).captions
    assert [(caption.voice, caption.text) for caption in captions] == [
        ("Anna &amp; Co", "How are you?"),
        ("Bob", "Fine."),
        ("Anna &amp; Co", "Good to hear."),
        ("Anna &amp; Co", "And now this."),
    ]


@pytest.mark.parametrize("language", ["he", "zh"])
@pytest.mark.parametrize("format_name", ["srt", "vtt"])
def test_pysubs2_reads_our_subtitles_back(format_name: str, language: str) -> None:
    transcript = in_language(language)
    events = pysubs2.SSAFile.from_string(text(format_name, transcript), format_=format_name)
    expected = cues(transcript, Layout())
    assert [(event.start, event.end - event.start) for event in events] == spans(expected)
    assert [event.plaintext for event in events] == ["\n".join(cue.lines) for cue in expected]


def test_markup_in_speech_is_text_in_web_subtitles(tmp_path: Path) -> None:
    file = written(tmp_path, "vtt", in_language("en"))
    shown = as_srt(file).replace("\n", " ")
    for word in MARKUP.split():
        if not word.startswith(("&", "<", "{")) and "\\N" not in word:  # SubRip itself takes these for markup
            assert word.replace("-->", "→") in shown.replace("-->", "→")
    assert "&lt;i&gt;or&lt;/i&gt;" in file.read_text("utf-8")
    assert "&amp;amp;" in file.read_text("utf-8")
    assert file.read_text("utf-8").count("-->") == len(cues(in_language("en"), Layout()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_format_is_utf_8_with_plain_line_ends_and_no_blank_end(language: str) -> None:
    for name in FORMATS:
        content = text(name, in_language(language))
        assert content.endswith("\n")
        assert not content.endswith("\n\n")
        assert not set("\r\u2028\x85\ufeff") & set(content)


def test_the_configuration_offers_every_format() -> None:
    assert tuple(FORMATS) == values.FORMATS
    assert set(values.DEFAULT_FORMATS) <= set(FORMATS)
    assert all(name == kind.name for name, kind in FORMATS.items())

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Speaker
from watcherd.discovery.identity import HashingStoppedError, content_hash
from watcherd.discovery.packets import packet_hash
from watcherd.engine.probe import probe
from watcherd.errors import MediaError


def convert(source: Path, target: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, *options, target], check=True)
    return target


@pytest.mark.parametrize("extension", ["mp3", "m4a", "ogg", "flac", "wav", "opus", "mka", "mp4"])
def test_new_tags_change_the_content_and_not_the_packets(speak: Speaker, tmp_path: Path, extension: str) -> None:
    before = convert(speak("good morning"), tmp_path / f"before.{extension}")
    after = convert(before, tmp_path / f"after.{extension}", "-c", "copy", "-metadata", "title=Another title")
    assert content_hash(before).sha256 != content_hash(after).sha256
    assert packet_hash(before) == packet_hash(after)


def test_other_words_are_other_packets(speak: Speaker, tmp_path: Path) -> None:
    one = convert(speak("good morning"), tmp_path / "one.mp3")
    two = convert(speak("good evening"), tmp_path / "two.mp3")
    assert packet_hash(one) != packet_hash(two)


def two_streams(first: Path, second: Path, target: Path, default: int) -> Path:
    """One file with both recordings, the one or the other marked as the one to play."""
    marks = [f"-disposition:a:{default}", "default", f"-disposition:a:{1 - default}", "0"]
    both = ["-map", "0:a", "-map", "1:a", "-c", "copy", *marks]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", first, "-i", second, *both, target], check=True)
    return target


@pytest.mark.parametrize("default", [0, 1])
def test_of_several_streams_the_one_that_is_transcribed_counts(speak: Speaker, tmp_path: Path, default: int) -> None:
    voices = [convert(speak(f"good {time}"), tmp_path / f"{time}.mka") for time in ("morning", "evening", "night")]
    file = two_streams(voices[0], voices[1], tmp_path / "both.mka", default)
    other_beside = [voices[2], voices[2]]
    other_beside[default] = voices[default]

    assert probe(file).stream == default
    assert packet_hash(file) == packet_hash(voices[default])
    assert packet_hash(two_streams(other_beside[0], other_beside[1], tmp_path / "c.mka", default)) == packet_hash(file)
    assert packet_hash(two_streams(voices[2], voices[2], tmp_path / "d.mka", default)) != packet_hash(file)


def test_a_name_is_never_taken_for_an_option_or_an_address(
    speak: Speaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = packet_hash(convert(speak("good morning"), tmp_path / "plain.mp3"))
    monkeypatch.chdir(tmp_path)
    for name in ("-y.mp3", "http:x.mp3", "a%03d.mp3", "two\nlines.mp3", "\udcff.mp3", "concat:a|b.mp3"):
        Path(name).write_bytes(Path("plain.mp3").read_bytes())
        assert packet_hash(Path(name)) == expected


def test_text_has_no_packets(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_text("this is no music\n" * 1000)
    with pytest.raises(MediaError):
        packet_hash(path)


def test_a_playlist_leads_nowhere(speak: Speaker, tmp_path: Path) -> None:
    convert(speak("good morning"), tmp_path / "secret.mp3")
    playlist = tmp_path / "list.mp3"
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsecret.mp3\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/secret.mp3\n",
    ):
        playlist.write_text(text)
        with pytest.raises(MediaError):
            packet_hash(playlist)


def test_it_ends_when_it_is_told_to(speak: Speaker, tmp_path: Path) -> None:
    endless = tmp_path / "endless.wav"
    header = speak("good morning").read_bytes()[:200]
    size_at = header.index(b"data") + 4
    with endless.open("wb") as file:
        file.write(header[:size_at] + b"\xff\xff\xff\xff")  # as recorders write it that cannot go back
        file.truncate(400 << 30)
    with pytest.raises(HashingStoppedError):
        packet_hash(endless, lambda: True)

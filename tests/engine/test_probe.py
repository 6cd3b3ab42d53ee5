import errno
import os
from pathlib import Path

import pytest

from tests.engine.conftest import Converter, WavWriter, noise
from watcherd.engine.probe import probe
from watcherd.errors import FileUnreadableError, MediaError, ReadError, RecordingChangedError


def test_a_recording_is_described(tmp_path: Path, write_wav: WavWriter, convert: Converter) -> None:
    info = probe(convert(write_wav(tmp_path / "a.wav", noise(3, -20)), tmp_path / "a.mp3", "-ac", "2", "-ar", "44100"))

    assert (info.container, info.codec, info.layout) == ("mp3", "mp3", "stereo")
    assert (info.stream, info.channels, info.sample_rate_hz) == (0, 2, 44100)
    assert info.duration_ms == pytest.approx(3000, abs=100)
    assert not info.duration_is_guess


def test_a_recording_that_does_not_tell_its_duration_is_taken(
    tmp_path: Path, write_wav: WavWriter, convert: Converter
) -> None:
    # As browsers record: a stream whose header was written before its end was known.
    path = convert(write_wav(tmp_path / "a.wav", noise(3, -20)), tmp_path / "a.webm", "-live", "1")

    assert probe(path).duration_ms is None


def test_the_sound_of_a_video_is_found_behind_its_picture(
    tmp_path: Path, write_wav: WavWriter, convert: Converter
) -> None:
    sound = write_wav(tmp_path / "a.wav", noise(2, -20))
    picture = ["-f", "lavfi", "-i", "color=d=2:s=64x64", "-map", "1:v", "-map", "0:a"]

    info = probe(convert(sound, tmp_path / "a.mp4", *picture))

    assert (info.codec, info.stream) == ("aac", 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Dear diary,\ntoday I recorded nothing. \xc3\xa9\n" * 200, "it is no recording but a text file"),
        (b"#EXTM3U\n#EXTINF:1,\nother.wav\n", "it is no recording but a playlist (m3u)"),
        (b"ffconcat version 1.0\nfile other.wav\n", "it is no recording but a list of files for ffmpeg (ffconcat)"),
        (b'<?xml version="1.0"?>\n<MPD type="static"></MPD>\n', "it is no recording but a playlist (DASH)"),
        (
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
            "it is no recording but a session description (sdp)",
        ),
        (bytes(100_000), "it is no recording but a file full of zeros, as an interrupted copy leaves it"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), "it is no recording but a picture (PNG)"),
    ],
    ids=["text", "m3u", "ffconcat", "dash", "sdp", "zeros", "picture"],
)
@pytest.mark.parametrize("suffix", ["mp3", "mp4", "wav"])
def test_what_is_no_recording_is_named(content: bytes, told: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)

    with pytest.raises(MediaError) as caught:
        probe(path)

    assert caught.value.problem == told
    assert caught.value.path == path


@pytest.mark.parametrize("name", ["list.m3u8", "list.wav", "list.ts"])
@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.ts\n",
    ],
    ids=["hls", "concat"],
)
def test_a_playlist_opens_no_other_file(
    name: str, playlist: str, tmp_path: Path, write_wav: WavWriter, convert: Converter
) -> None:
    convert(write_wav(tmp_path / "a.wav", noise(2, -20)), tmp_path / "secret.ts")
    path = tmp_path / name
    path.write_text(playlist)

    with pytest.raises(MediaError, match="it is no recording but"):
        probe(path)


def test_random_bytes_are_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "x.m4a"
    path.write_bytes(bytes((n * n * 7 + n // 3) % 251 for n in range(200_000)))

    with pytest.raises(MediaError, match="ffmpeg finds no recording in it"):
        probe(path)


def test_an_mp4_that_is_cut_off_is_told_from_other_damage(
    tmp_path: Path, write_wav: WavWriter, convert: Converter
) -> None:
    path = convert(write_wav(tmp_path / "a.wav", noise(30, -20)), tmp_path / "a.mp4")
    os.truncate(path, path.stat().st_size // 2)

    with pytest.raises(MediaError) as caught:
        probe(path)

    assert "it is cut off: its index (the moov atom) is missing" in caught.value.problem
    assert "Copy it again" in caught.value.remedy


def test_a_video_without_sound_is_told_so(tmp_path: Path, write_wav: WavWriter, convert: Converter) -> None:
    picture = ["-f", "lavfi", "-i", "color=d=2:s=64x64", "-map", "1:v", "-c:v", "mpeg4"]
    path = convert(write_wav(tmp_path / "a.wav", noise(1, -20)), tmp_path / "a.mp4", *picture)

    with pytest.raises(MediaError, match=r"it has no audio, only video \(mpeg4\)"):
        probe(path)


def test_an_empty_file_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.touch()

    with pytest.raises(MediaError, match="the file is empty"):
        probe(path)


def test_a_folder_or_a_pipe_is_no_recording(tmp_path: Path) -> None:
    pipe = tmp_path / "x.wav"
    os.mkfifo(pipe)

    for path in (tmp_path, pipe):
        with pytest.raises(MediaError, match="it is no regular file"):
            probe(path)


def test_a_file_that_is_gone_is_looked_at_anew(tmp_path: Path) -> None:
    with pytest.raises(RecordingChangedError, match="it is gone"):
        probe(tmp_path / "x.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_waits_for_its_permission(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "x.wav", noise(1, -20))
    path.chmod(0)

    with pytest.raises(FileUnreadableError, match="Permission denied"):
        probe(path)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_failing_disk_is_not_blamed_on_the_recording(
    number: int, tmp_path: Path, write_wav: WavWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    path = write_wav(tmp_path / "x.wav", noise(1, -20))
    monkeypatch.setattr(os, "pread", fail)

    with pytest.raises(ReadError, match=os.strerror(number)):
        probe(path)

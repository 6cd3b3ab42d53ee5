import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.engine.conftest import RATE, Converter, Signal, WavWriter, hum, noise, silence
from watcherd.engine.audio import BLOCK, decode
from watcherd.engine.speech import SpeechDetector
from watcherd.errors import MediaError, ReadError, RecordingChangedError

ENOUGH_S = 30.0
PIPE_BYTES = 65536

FORMATS = {
    "wav": [],
    "w64": [],
    "rf64.wav": ["-rf64", "always"],
    "mp3": [],
    "m4a": [],
    "aac": [],
    "flac": [],
    "ogg": [],
    "oga": [],
    "opus": [],
    "wma": [],
    "3gp": ["-c:a", "aac"],
    "aiff": [],
    "au": [],
    "caf": [],
    "mka": [],
    "mp4": [],
    "m4v": ["-c:a", "aac"],
    "mov": [],
    "mkv": [],
    "webm": [],
    "avi": [],
    "mpg": [],
    "ts": [],
    "flv": [],
    "wv": [],
    "tta": [],
    "ac3": [],
    "eac3": [],
    "dts": ["-strict", "experimental", "-ar", "48000", "-ac", "2"],
}


def read(path: Path) -> Signal:
    with decode(path) as audio:
        blocks = list(audio)
    assert all(block.shape == (BLOCK,) for block in blocks[:-1])
    assert all(block.dtype == np.float32 for block in blocks)
    return np.concatenate(blocks)


def level_dbfs(samples: Signal) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def speech_s(samples: Signal) -> float:
    detector = SpeechDetector()
    found = [*detector.push(samples.astype(np.float32)), *detector.flush()]
    return sum(span.length for span in found) / RATE


def ffmpegs() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "ffmpeg" in child.name() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_kind_of_recording_becomes_16_khz_mono(
    suffix: str, tmp_path: Path, spoken_file: Path, speech: Signal, convert: Converter
) -> None:
    decoded = read(convert(spoken_file, tmp_path / f"recording.{suffix}", *FORMATS[suffix]))

    assert len(decoded) == pytest.approx(len(speech), abs=0.15 * RATE)
    assert level_dbfs(decoded) == pytest.approx(level_dbfs(speech), abs=3.5)  # two channels of one get 3 dB less each


def test_an_amr_recording_is_decoded(tmp_path: Path) -> None:
    # ffmpeg reads AMR and does not write it: a hundred frames of 20 ms at 12.2 kbit/s.
    path = tmp_path / "memo.amr"
    path.write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100)

    assert len(read(path)) == 2 * RATE


def test_the_same_file_gives_the_same_samples(tmp_path: Path, spoken_file: Path, convert: Converter) -> None:
    path = convert(spoken_file, tmp_path / "recording.mp3", "-af", "volume=-25dB")

    assert np.array_equal(read(path), read(path))


@pytest.mark.parametrize(
    "name",
    [
        b"-i.wav",
        b"two\nlines.wav",
        b"\xff\xfe.wav",
        b"concat:a.wav|b.wav",
        b"%03d.wav",
        b"it's 100% [good].wav",
        b"http:x.wav",
    ],
)
def test_any_name_is_the_name_of_a_file(
    name: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken_file: Path, speech: Signal
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    path.write_bytes(spoken_file.read_bytes())

    assert len(read(path)) == pytest.approx(len(speech), abs=RATE // 100)


def test_a_voice_in_opposite_phase_on_both_sides_is_heard(tmp_path: Path, speech: Signal, write_wav: WavWriter) -> None:
    opposite = read(write_wav(tmp_path / "opposite.wav", np.stack([speech, -speech], axis=1)))

    assert speech_s(opposite) == pytest.approx(speech_s(speech), abs=0.3)
    assert level_dbfs(opposite) == pytest.approx(level_dbfs(speech), abs=0.5)


def test_both_sides_of_a_call_are_heard(tmp_path: Path, speech: Signal, write_wav: WavWriter) -> None:
    quiet = np.zeros_like(speech)
    left, right = np.concatenate([speech, quiet]), np.concatenate([quiet, speech])

    mixed = read(write_wav(tmp_path / "call.wav", np.stack([left, right], axis=1)))

    assert speech_s(mixed[: len(speech)]) == pytest.approx(speech_s(speech), abs=0.3)
    assert speech_s(mixed[len(speech) :]) == pytest.approx(speech_s(speech), abs=0.3)


def test_no_microphone_of_a_recorder_with_six_tracks_is_dropped(
    tmp_path: Path, speech: Signal, write_wav: WavWriter
) -> None:
    tracks = np.zeros((len(speech), 6), np.float32)
    tracks[:, 3] = speech  # where surround sound has its subwoofer

    mixed = read(write_wav(tmp_path / "field.wav", tracks))

    assert speech_s(mixed) == pytest.approx(speech_s(speech), abs=0.3)


def test_a_film_is_mixed_down(tmp_path: Path, spoken_file: Path, speech: Signal, convert: Converter) -> None:
    centre = "pan=5.1|FC=c0|FL=0*c0|FR=0*c0|LFE=0*c0|BL=0*c0|BR=0*c0"

    mixed = read(convert(spoken_file, tmp_path / "film.flac", "-af", centre))

    assert speech_s(mixed) == pytest.approx(speech_s(speech), abs=0.3)


@pytest.mark.parametrize("peak_dbfs", [-45, -55])
def test_a_quiet_recording_is_heard_like_a_loud_one(
    peak_dbfs: int, tmp_path: Path, speech: Signal, write_wav: WavWriter
) -> None:
    quiet = speech / np.abs(speech).max() * 10 ** (peak_dbfs / 20)
    path = write_wav(tmp_path / "quiet.wav", np.concatenate([silence(3), quiet]))

    raised = read(path)

    assert level_dbfs(raised) > level_dbfs(quiet) + 20
    assert speech_s(raised) == pytest.approx(speech_s(speech), abs=0.5)


def test_an_ordinary_recording_is_left_at_its_level(tmp_path: Path, speech: Signal, write_wav: WavWriter) -> None:
    decoded = read(write_wav(tmp_path / "recording.wav", speech))

    assert np.abs(decoded - speech).max() < 1e-4


@pytest.mark.parametrize("sound", [noise(20, -60), hum(20, -60), silence(20)], ids=["noise", "hum", "silence"])
def test_what_is_not_speech_is_not_raised(sound: Signal, tmp_path: Path, write_wav: WavWriter) -> None:
    decoded = read(write_wav(tmp_path / "nobody.wav", sound))

    assert np.abs(decoded - sound).max() < 1e-4


def test_sound_that_starts_late_keeps_its_place_beside_the_picture(
    tmp_path: Path, spoken_file: Path, speech: Signal
) -> None:
    video = tmp_path / "video.mkv"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-itsoffset",
        "3",
        "-i",
        str(spoken_file),
        "-f",
        "lavfi",
        "-i",
        "color=d=14:s=64x64",
    ]
    subprocess.run([*command, "-c:a", "flac", video], check=True)

    decoded = read(video)

    assert np.abs(decoded[: 3 * RATE - 100]).max() == 0
    assert len(decoded) == pytest.approx(3 * RATE + len(speech), abs=0.1 * RATE)


def hole_of(seconds: int) -> list[str]:
    return ["-af", f"asetpts='if(gt(T,2),PTS+{seconds}/TB,PTS)'", "-c:a", "flac"]


def test_a_pause_that_the_recorder_left_out_is_filled_with_silence(
    tmp_path: Path, spoken_file: Path, speech: Signal, convert: Converter
) -> None:
    decoded = read(convert(spoken_file, tmp_path / "hole.mkv", *hole_of(60)))

    assert len(decoded) == pytest.approx(60 * RATE + len(speech), abs=0.2 * RATE)
    assert np.abs(decoded[5 * RATE : 60 * RATE]).max() == 0


def test_a_leap_of_hours_in_the_timestamps_is_taken_for_an_error(
    tmp_path: Path, spoken_file: Path, speech: Signal, convert: Converter
) -> None:
    decoded = read(convert(spoken_file, tmp_path / "hole.mkv", *hole_of(10 * 3600)))

    assert len(decoded) == pytest.approx(len(speech), abs=0.2 * RATE)


def test_the_default_stream_is_read_and_not_the_commentary(tmp_path: Path, spoken_file: Path, speech: Signal) -> None:
    video = tmp_path / "two.mkv"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "anullsrc=d=2",
        "-i",
        str(spoken_file),
        "-map",
        "0",
        "-map",
        "1",
    ]
    subprocess.run(
        [*command, "-c:a", "flac", "-disposition:0", "comment", "-disposition:1", "default", video], check=True
    )

    assert speech_s(read(video)) == pytest.approx(speech_s(speech), abs=0.3)


def test_it_tells_how_far_it_is(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "recording.wav", noise(20, -20))
    with decode(path) as audio:
        reached_ms = [audio.decoded_ms for _ in audio]

    assert reached_ms == [8000, 16000, 20000]
    assert audio.info.duration_ms == audio.decoded_ms == 20000
    assert audio.warning is None


def test_ffmpeg_ends_with_a_reader_that_stops_early(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "long.wav", noise(120, -20))
    with decode(path) as audio:
        next(iter(audio))
        running = ffmpegs()
        assert len(running) == 1

    assert not running[0].is_running()


def to_each_ffmpeg(number: signal.Signals) -> None:
    for process in ffmpegs():
        process.send_signal(number)


def read_and_do(path: Path, action: Callable[[], object]) -> None:
    """Do something after each block."""
    with decode(path) as audio:
        for _ in audio:
            action()


def test_ffmpeg_ends_with_a_reader_that_fails(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "long.wav", noise(120, -20))

    with pytest.raises(ZeroDivisionError):
        read_and_do(path, lambda: 1 // 0)

    assert ffmpegs() == []


def test_ffmpeg_ends_when_the_engine_is_killed(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "long.wav", noise(120, -20))
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom watcherd.engine.audio import decode\n"
        "with decode(Path(sys.argv[1])) as audio:\n"
        "    next(iter(audio)); print('reading', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"reading\n"
        orphans = psutil.Process(engine.pid).children()
        engine.kill()

    assert [orphan.name() for orphan in orphans] == ["ffmpeg"]
    _, alive = psutil.wait_procs(orphans, timeout=ENOUGH_S)
    assert alive == []


def test_an_mp3_that_is_cut_off_is_read_as_far_as_it_goes(
    tmp_path: Path, spoken_file: Path, convert: Converter
) -> None:
    path = convert(spoken_file, tmp_path / "recording.mp3", "-b:a", "64k")
    os.truncate(path, path.stat().st_size // 2)
    with decode(path) as audio:
        assert sum(map(len, audio)) > 4 * RATE

    assert audio.warning is not None
    assert "it is cut off or damaged" in audio.warning


def damaged(tmp_path: Path, convert: Converter, write_wav: WavWriter) -> Path:
    """An mp4 file with an intact index over six minutes of garbage: every packet gives a complaint."""
    path = convert(write_wav(tmp_path / "a.wav", noise(360, -20)), tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    data[start:end] = np.random.default_rng(0).bytes(end - start)
    path.write_bytes(data)
    return path


def test_a_flood_of_complaints_does_not_stop_the_decoder(
    tmp_path: Path, convert: Converter, write_wav: WavWriter
) -> None:
    path = damaged(tmp_path, convert, write_wav)
    complaints = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True, check=False
    ).stderr
    assert len(complaints) > 10 * PIPE_BYTES

    with decode(path) as audio:
        for _ in audio:
            pass

    assert audio.warning is not None


def test_a_recording_that_holds_no_sample_is_refused(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "nothing.wav", silence(0))

    with pytest.raises(MediaError, match="nothing of its pcm_s16le audio can be decoded"):
        read(path)


def test_a_file_that_is_written_to_while_it_is_read_is_not_believed(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "growing.wav", noise(60, -20))

    def grow() -> None:
        with path.open("ab") as file:
            file.write(bytes(32000))

    with pytest.raises(RecordingChangedError, match="was written to"):
        read_and_do(path, grow)


def test_a_file_that_vanishes_while_it_is_read_is_looked_at_anew(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "vanishing.wav", noise(60, -20))

    with pytest.raises(RecordingChangedError, match="it is gone"):
        read_and_do(path, lambda: path.unlink(missing_ok=True))


def test_an_ffmpeg_that_somebody_kills_says_nothing_of_the_recording(tmp_path: Path, write_wav: WavWriter) -> None:
    path = write_wav(tmp_path / "long.wav", noise(600, -20))

    with pytest.raises(ReadError, match="ffmpeg was ended by SIGKILL"):
        read_and_do(path, lambda: to_each_ffmpeg(signal.SIGKILL))


def test_a_share_that_does_not_answer_is_given_up(
    tmp_path: Path, write_wav: WavWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcherd.engine.audio.STALLED_S", 0.2)
    path = write_wav(tmp_path / "long.wav", noise(600, -20))

    with pytest.raises(ReadError, match="ffmpeg could not read on"):
        read_and_do(path, lambda: to_each_ffmpeg(signal.SIGSTOP))

    assert ffmpegs() == []

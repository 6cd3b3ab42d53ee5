"""A recording as a stream of 16 kHz mono samples, decoded by ffmpeg in a process that never outlives its reader."""

import io
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import numpy as np

from watcherd import media
from watcherd.engine.complaints import complaints, says_io_failed
from watcherd.engine.ffmpeg import program
from watcherd.engine.loudness import Leveller
from watcherd.engine.mixing import Mixer, Pcm
from watcherd.engine.probe import MediaInfo, inspect
from watcherd.engine.samples import SAMPLES_PER_S, Samples, to_ms
from watcherd.engine.sides import Sides
from watcherd.engine.source import Source
from watcherd.errors import MediaError, ReadError

BLOCK: Final = 8 * SAMPLES_PER_S
"""Samples of a block, half a megabyte: long enough to judge the level of speech by."""

STALLED_S: Final = 900.0
"""Without a sample for so long, ffmpeg waits for a share that is gone. Less would end the work on a video of many
gigabytes whose sound stops early: ffmpeg reads it to its end without a word."""

LONGEST_HOLE_S: Final = 1800
"""A longer leap in the timestamps is taken for an error. ffmpeg holds the silence that fills one in memory: 64 kB a
second for two channels, 220 MB at most, measured with ffmpeg 5.1."""

TOLERATED_MS: Final = 2000
TOLERATED_SHARE: Final = 0.02
"""How much shorter than its container says a recording may be without a word: containers round, encoders pad."""

_BYTES_PER_SAMPLE: Final = 2
_LAST_WORDS_BYTES: Final = 8192
_FROM_OUTSIDE: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM})


@contextmanager
def decode(path: Path) -> Iterator["Audio"]:
    """Decode a recording; when the context ends, however it ends, so does ffmpeg.

    Raises:
        MediaError: there is nothing in it that can be decoded.
        RecordingChangedError: it vanished or was written to.
        FileUnreadableError: it may not be read.
        ReadError: the disk or the network fails, or ffmpeg was ended from outside.
        ToolMissingError: ffmpeg is not installed.
    """
    with Source(path) as source:
        info = inspect(source)
        channels = _channels(info)
        with _Ffmpeg(_command(path, info, channels)) as process:
            yield Audio(source, info, channels, process)


class Audio:
    """Blocks of samples, to be iterated once; all but the last have 8 s. The same file gives the same samples.

    Attributes:
        info: what the container says.
        decoded_ms: how far the recording is decoded; after the last block, its true duration.
        warning: after the last block, what is wrong with a recording that could be decoded in part; None if nothing is.
        apart: after the last block of ``sides``, whether the two channels carried different sound.
    """

    def __init__(self, source: Source, info: MediaInfo, channels: int, process: "_Ffmpeg") -> None:
        self.info = info
        self.warning: str | None = None
        self.apart = False
        self._source = source
        self._channels = channels
        self._process = process
        self._decoded = 0

    @property
    def decoded_ms(self) -> int:
        """See above."""
        return to_ms(self._decoded)

    def __iter__(self) -> Iterator[Samples]:
        """Raises what ``decode`` raises."""
        mixer, leveller = Mixer(self._channels), Leveller()
        for pcm in self._blocks():
            yield _samples(leveller.push(mixer.push(pcm)))

    @property
    def is_stereo(self) -> bool:
        """Whether ``sides`` can take two channels apart. Those of a film are loudspeakers, not people."""
        return self.info.channels == 2  # noqa: PLR2004  stereo

    def sides(self) -> Iterator[tuple[Samples, Samples]]:
        """The same for each of two channels, instead of their mixture. Raises what ``decode`` raises."""
        sides, left, right = Sides(), Leveller(), Leveller()
        for pcm in self._blocks():
            own_left, own_right = sides.push(pcm)
            yield _samples(left.push(own_left)), _samples(right.push(own_right))
        self.apart = sides.apart

    def _blocks(self) -> Iterator[Pcm]:
        """What ffmpeg gives, [n, channels]; at the end it is judged."""
        sample_bytes = _BYTES_PER_SAMPLE * self._channels
        while data := self._read(BLOCK * sample_bytes):
            whole = len(data) - len(data) % sample_bytes
            pcm = np.frombuffer(data[:whole], dtype="<i2").reshape(-1, self._channels)
            self._decoded += len(pcm)
            yield pcm
        self._judge()

    def _read(self, size: int) -> bytes:
        try:
            return self._process.read(size)
        except TimeoutError as error:
            raise ReadError(
                f"ffmpeg could not read on for {STALLED_S / 60:.0f} minutes",
                path=self._source.path,
                remedy="See whether its disk or network share is well",
            ) from error

    def _judge(self) -> None:
        """Everything that there was is decoded: was it the recording?"""
        status, last_words = self._process.finish()
        complained = complaints(last_words, self._source.path)
        self._source.check_unchanged()
        if status in _FROM_OUTSIDE:
            raise ReadError(
                f"ffmpeg was ended by {signal.Signals(-status).name}",
                path=self._source.path,
                remedy="If it happens again, see whether this machine runs out of memory",
            )
        if says_io_failed(complained):
            self._source.check_readable()
        cause = f" (ffmpeg: {complained[-1]})" if complained else ""
        if self._decoded == 0:
            raise MediaError(
                f"nothing of its {self.info.codec} audio can be decoded{cause}",
                path=self._source.path,
                remedy="Play it to see whether it is damaged, and copy it again from where it was recorded",
            )
        announced_ms = 0 if self.info.duration_is_guess else self.info.duration_ms or 0
        missing_ms = announced_ms - self.decoded_ms
        if missing_ms > max(TOLERATED_MS, TOLERATED_SHARE * announced_ms):
            self.warning = (
                f"only {self.decoded_ms / 1000:.0f} s of the {announced_ms / 1000:.0f} s that it announces are there, "
                f"so it is cut off or damaged{cause}"
            )
        elif status != 0:
            self.warning = f"parts of it could not be decoded{cause}"


def _samples(pcm: Pcm) -> Samples:
    return pcm.astype(np.float32) / np.float32(32768)


def _channels(info: MediaInfo) -> int:
    """How many channels ffmpeg is to deliver.

    Films and concerts are left to ffmpeg's downmix, which knows what each loudspeaker is for. Channels that the file
    does not name are microphones of their own, and ffmpeg would take the fourth of six for a subwoofer and drop it.
    """
    named = info.channels > 2 and info.layout != ""  # noqa: PLR2004  more than stereo
    return 2 if named else info.channels


def _command(path: Path, info: MediaInfo, channels: int) -> list[str | bytes]:
    # Pauses that a recorder left out and a late start of the sound are filled, so that times fit the recording's clock;
    # this is done last, where silence costs the least memory.
    filters = "aresample=16000,aformat=sample_fmts=s16,aresample=async=1:first_pts=0"
    return [
        program("ffmpeg"),
        *media.GLOBAL_OPTIONS,
        *("-threads", "1"),  # the model needs the processors more
        *("-dts_error_threshold", str(LONGEST_HOLE_S)),
        *media.input_options(path),
        *("-map", f"0:{info.stream}", "-af", filters),
        *("-ac", str(channels), "-ar", str(SAMPLES_PER_S), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"),
    ]


class _Ffmpeg:
    """A running ffmpeg: its output, its last words, and its end when the context is left.

    Should this process die instead, ffmpeg finds nobody at the other end of its pipe and ends, too.
    """

    def __init__(self, command: list[str | bytes]) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._output, self._errors = _raw(self._process.stdout), _raw(self._process.stderr)
        self._last_words = bytearray()
        # A thread of its own, or a damaged file fills the pipe with complaints and ffmpeg waits for ever.
        self._listener = threading.Thread(target=self._listen, name="ffmpeg-errors", daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._output.close()
        self._errors.close()

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end.

        Raises:
            TimeoutError: nothing came for too long.
        """
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        data = bytearray()
        while len(data) < size:
            if not poll.poll(STALLED_S * 1000):
                raise TimeoutError
            chunk = self._output.read(size - len(data))
            if not chunk:
                break
            data += chunk
        return bytes(data)

    def finish(self) -> tuple[int, bytes]:
        """The exit status, negative for a signal, and the end of what it complained of; not before the output's end."""
        status = self._process.wait()
        self._listener.join()
        return status, bytes(self._last_words)

    def _listen(self) -> None:
        while chunk := self._errors.read(_LAST_WORDS_BYTES):
            self._last_words += chunk
            del self._last_words[:-_LAST_WORDS_BYTES]


def _raw(pipe: object) -> io.FileIO:
    assert isinstance(pipe, io.FileIO)  # noqa: S101  what Popen makes of PIPE with bufsize=0
    return pipe

"""What crosses between the daemon and its engine process, pickled over a private socket pair."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from watcherd.decisions import WindowDecision
from watcherd.errors import WatcherdError
from watcherd.partial import Partial
from watcherd.transcript import Transcript

Channels = Literal["mix", "split"]
Decoding = Literal["auto", "fast", "accurate"]


@dataclass(frozen=True, slots=True)
class LoadModel:
    """Daemon → engine, once and first: make this model resident. Answered by ModelLoaded or ModelFailed."""

    model_id: str
    device: str
    dtype: str
    batch_size: int | Literal["auto"]
    decoding: Decoding = "auto"
    word_times: bool = False
    languages: Mapping[str, str] = field(default_factory=dict)
    """What recordings may be read as, a code or "auto", by the keys of the configuration that ask for it."""


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Daemon → engine: do this recording. Answered by one Finished or Failed, with any number of Progress before."""

    job: int
    """Names the work in every answer; chosen by the daemon, never used twice in one engine."""
    path: Path
    language: str
    """An ISO 639-1 code, or "auto"."""
    known: Partial = field(default_factory=Partial)
    """What was read before an interruption, under equal settings."""
    channels: Channels = field(default="mix", kw_only=True)
    """Whether a stereo recording's channels are mixed, or transcribed apart as the sides of a call."""
    vocabulary: tuple[str, ...] = field(default=(), kw_only=True)
    """Names and jargon that may be said in it, as they are to be spelled, the most important first."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Daemon → engine: forget this recording; no answer for it follows."""

    job: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Daemon → engine: end now."""


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """Engine → daemon: ready for recordings."""

    model_id: str
    revision: str
    """The Hub commit, or the sha256 of packaged weights."""
    device: str
    """As PyTorch names it: "cpu", "cuda:0"."""
    device_name: str
    """For people: the GPU's or the processor's name."""
    dtype: str
    batch_size: int
    load_s: float


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """Engine → daemon: no model, and the engine ends."""

    error: WatcherdError


@dataclass(frozen=True, slots=True)
class Progress:
    """Engine → daemon: this much of the recording is recognised. Sent after every batch; also the heartbeat."""

    job: int
    done_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class WindowsRead:
    """Engine → daemon: what a batch has added to which jobs, to be handed back should they be interrupted."""

    partials: Mapping[int, Partial]


@dataclass(frozen=True, slots=True)
class VocabularyCut:
    """Engine → daemon: of this job's vocabulary the model takes only the beginning. Told once for each vocabulary."""

    job: int
    used: int
    """Entries; 0 where models of this family take none."""
    given: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Engine → daemon: the recording's transcript; no segments where nobody speaks."""

    job: int
    transcript: Transcript
    compute_s: float
    """Seconds of work that the recording took: its share of every batch it was in, its decoding and voice activity."""
    warning: str | None = None
    """What is wrong with a recording of which a part could be read all the same."""
    windows: tuple[WindowDecision, ...] = ()
    """What became of each window."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Engine → daemon: the recording cannot be done, and why."""

    job: int
    error: WatcherdError


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Engine → daemon: the loop that does the work is alive. Sent by that loop alone."""


ToEngine = LoadModel | Transcribe | Cancel | Shutdown
FromEngine = ModelLoaded | ModelFailed | Progress | WindowsRead | VocabularyCut | Finished | Failed | Heartbeat

"""What the sidecars of a very long recording cost: seconds, memory and bytes, for the cues and for every format."""

import argparse
import multiprocessing
import random
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from bench.results import table, write
from watcherd.sidecars.cues import Layout, cues
from watcherd.sidecars.formats import FORMATS
from watcherd.sidecars.rendering import Provenance, Rendering
from watcherd.transcript import Segment, Transcript, Word

VOCABULARY = (
    "and the of to in that it is was for on with as but then so we they people year morning water Mr. Darcy said very "
    "considerable understanding conversation 10 000 New York isn't well-known perhaps which, however"
)
SENTENCE_WORDS = 18
PAUSE_MS = 400
LONG_PAUSE_MS = 3_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run in a process of its own."""

    seconds: float
    peak_mib: float
    """More than the process had with the transcript alone."""
    size: int
    """Bytes of the file, or 0."""


def transcript_of(hours: float, seed: int = 0) -> Transcript:
    """Somebody who speaks all the time, at two and a half words a second: sentences with the times of every word."""
    chance, vocabulary = random.Random(seed), VOCABULARY.split()
    at_ms, end_ms = 0, round(hours * 3_600_000)
    segments: list[Segment] = []
    while at_ms < end_ms:
        words = []
        for text in chance.choices(vocabulary, k=chance.randint(2, SENTENCE_WORDS)):
            until_ms = at_ms + 100 + 50 * len(text)
            words.append(Word(at_ms, until_ms, text, chance.random()))
            at_ms = until_ms + chance.randint(0, 60)
        text = " ".join(word.text for word in words).rstrip(",") + "."
        segments.append(Segment(words[0].start_ms, words[-1].end_ms, text, tuple(words), -0.3))
        at_ms += PAUSE_MS if chance.random() < 0.9 else LONG_PAUSE_MS
    return Transcript("en", at_ms, tuple(segments))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the table there")
    arguments = parser.parse_args()
    rows = [
        [name, *_shown([_apart(arguments.hours, name) for _ in range(arguments.rounds)])] for name in ("cues", *FORMATS)
    ]
    transcript = transcript_of(arguments.hours)
    words = sum(len(segment.words) for segment in transcript.segments)
    title = f"# The sidecars of {arguments.hours:g} hours\n\n{len(transcript.segments):,} segments, {words:,} words.\n"
    figures = table(("", "best, s", "peak, MiB", "file, MiB"), rows)
    write(f"{title}\n{figures}\n", "bench.sidecars", arguments.output, "sidecars.md")


def _shown(runs: Sequence[Cost]) -> tuple[str, str, str]:
    size = f"{runs[0].size / 2**20:.1f}" if runs[0].size else ""
    return f"{min(run.seconds for run in runs):.2f}", f"{max(run.peak_mib for run in runs):.0f}", size


def _apart(hours: float, name: str) -> Cost:
    """In a fresh process, whose peak of memory nothing else has raised."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_cost, hours, name).result()


def _cost(hours: float, name: str) -> Cost:
    transcript = transcript_of(hours)
    before_mib = _peak_mib()
    started = time.perf_counter()
    size = _make(transcript, name)
    return Cost(time.perf_counter() - started, _peak_mib() - before_mib, size)


def _make(transcript: Transcript, name: str) -> int:
    if name == "cues":
        cues(transcript, Layout())
        return 0
    provenance = Provenance(bytes(32), "packaged:base", None, "language=en")
    rendering = Rendering(transcript, Path("/memos/talk.mp3"), datetime.now(UTC), provenance)
    return len(FORMATS[name].render(rendering) or b"")


def _peak_mib() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

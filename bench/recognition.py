"""The same weights, the same tape: watcherd beside the recognizers that it has to beat. ``make bench``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.contender import CONTENDERS, WARM_UP_S
from bench.processes import measure
from bench.prompts import VOICES as PROMPTED
from bench.results import Runs, write
from bench.scoring import Score, score
from bench.speech import VOICES as SYNTHESISED
from bench.speech import speech
from bench.tape import Tape, tape
from bench.timed import Timed
from watcherd.engine.checkpoints import PREFIX
from watcherd.engine.packaged import PACKAGES

HEAD: Final = """\
| | WER % | wrong words (sub + del + ins) | words in non-speech | RTF best | RTF median | peak MiB |
|---|---|---|---|---|---|---|
"""


@dataclass(slots=True)
class Result:
    """What one contender has done so far."""

    score: Score = field(default_factory=Score)
    runs: Runs = field(default_factory=Runs)

    def row(self, name: str, duration_s: float) -> str:
        """As a line of the table."""
        counts, runs = self.score, self.runs
        return (
            f"| {name} | {100 * counts.wer:.2f} | {counts.substituted} + {counts.deleted} + {counts.inserted} "
            f"| {counts.in_non_speech} | {runs.best_s / duration_s:.4f} | {runs.median_s / duration_s:.4f} "
            f"| {runs.peak_mib:.0f} |\n"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contenders in turn, round by round, and write the table down."""
    options = _options(arguments)
    source = speech(options.language, options.speech)
    tapes = [tape(source, options.minutes * 60, seed) for seed in options.seeds]
    results = {name: Result() for name in CONTENDERS if any(part in name for part in options.only)}
    with tempfile.TemporaryDirectory() as scratch:
        warm_up = Path(scratch, "warm-up.wav")
        tape(source, WARM_UP_S, min(options.seeds) + 1000).write(warm_up)
        paths = [Path(scratch, f"tape-{seed}.wav") for seed in options.seeds]
        for made, path in zip(tapes, paths, strict=True):
            made.write(path)
        for turn in range(options.rounds):
            for name, result in results.items():
                print(f"round {turn + 1}: {name}", file=sys.stderr, flush=True)
                given = (name, options.model, options.language, str(warm_up))
                found = [measure("bench.contender", *given, str(path)) for path in paths]
                result.runs.add(*found)
                if turn == 0:  # every round reads the same
                    result.score = sum(
                        (_score(*pair, options.language) for pair in zip(found, tapes, strict=True)), Score()
                    )
    duration_s = sum(made.duration_s for made in tapes)
    rows = "".join(result.row(name, duration_s) for name, result in results.items())
    words = next(iter(results.values())).score.reference
    caption = (
        f"{options.model}, language {options.language}: {duration_s:.0f} s of tape, seeds "
        f"{', '.join(map(str, options.seeds))}, {words} words of {source.source}, {options.rounds} rounds.\n"
    )
    name = f"recognition-{options.model.removeprefix(PREFIX)}-{options.language}.md"
    write(f"{caption}\n{HEAD}{rows}", "bench.recognition", options.output, name)


def _score(found: dict[str, Any], made: Tape, language: str) -> Score:
    return score([Timed(*part) for part in found["segments"]], made, language)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.recognition", description=__doc__)
    parser.add_argument("--model", default="packaged:base", choices=[PREFIX + name for name in PACKAGES])
    parser.add_argument("--language", default="en", choices=sorted({*SYNTHESISED, *PROMPTED}))
    parser.add_argument("--speech", type=Path, help="a folder of labelled recordings (see bench/speech.py)")
    parser.add_argument("--minutes", type=float, default=10, help="the least length of each tape")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="a tape is made of each")
    parser.add_argument("--rounds", type=int, default=2, help="how often the contenders run, in turn")
    parser.add_argument("--only", nargs="+", default=[""], help="contenders whose name has one of these in it")
    parser.add_argument("--output", type=Path, help="a folder that the table is written to as well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

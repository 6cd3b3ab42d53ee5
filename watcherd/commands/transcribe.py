"""``watcherd transcribe FILE…``: one-off, with a progress bar, without the ledger."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from watcherd.commands.options import Subparsers, add_command, add_formats, add_json
from watcherd.config import DEFAULT_FORMATS, LANGUAGES, ModelSettings, SubtitleSettings, find_config, load
from watcherd.config.values import vocabulary
from watcherd.discovery.identity import content_hash
from watcherd.engine.client import load_order
from watcherd.engine.messages import ModelLoaded, Progress, VocabularyCut
from watcherd.errors import EXIT_OK, EXIT_WORK_FAILED, ConfigError, WatcherdError
from watcherd.fingerprint import settings_line
from watcherd.names import printable
from watcherd.oneoff import Outcome, transcribe
from watcherd.publication import layout_of
from watcherd.service.progress import ProgressBar
from watcherd.service.spoken import duration
from watcherd.sidecars.destination import Destination
from watcherd.sidecars.placement import PublishReport, Wishes, publish_sidecars
from watcherd.sidecars.records import RunRecords
from watcherd.sidecars.rendering import Provenance
from watcherd.transcript import Transcript


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "transcribe", "transcribe files now, without watching and without the ledger", run)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="where the transcripts go; default: beside each file"
    )
    parser.add_argument("--model", metavar="ID", help="use this model, whatever the configuration says")
    parser.add_argument(
        "--language", metavar="CODE", type=_language, help='such as "en"; default: what the configuration says'
    )
    parser.add_argument(
        "--channels", choices=("mix", "split"), default="mix", help="split: the two channels are the sides of a call"
    )
    parser.add_argument(
        "--vocabulary", type=_vocabulary, default=(), metavar="WORDS", help='names and jargon: "Kowalczyk, Grafana"'
    )
    add_formats(parser, f"of the transcripts, once for each; default: {', '.join(DEFAULT_FORMATS)}")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Transcribe the files one after the other; an error of one does not keep the next from being done."""
    model, subtitles = _settings(options)
    languages = {"--language" if options.language else "model.language": model.language}
    from watcherd.engine.model_languages import refuse_languages  # noqa: PLC0415  the Hub's client costs --help time

    refuse_languages(model.id, languages)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
    code, report = EXIT_OK, []
    wishes = Wishes(tuple(dict.fromkeys(options.formats or DEFAULT_FORMATS)), layout_of(subtitles))
    settings = settings_line(model, model.language, options.channels, options.vocabulary)
    press = _Press(model.id, settings, wishes, options.output)
    with ProgressBar(sys.stderr) as bar:

        def told(news: ModelLoaded | Progress | VocabularyCut) -> None:
            match news:
                case Progress():
                    bar.show(options.files[news.job], news.done_ms, news.duration_ms)
                case VocabularyCut():
                    print(f"the model takes {news.used} of the {news.given} entries of --vocabulary", file=sys.stderr)
                case ModelLoaded():
                    press.revision = news.revision
                    print(f"model {news.model_id} is ready on {news.device} ({news.dtype})", file=sys.stderr)

        outcomes = transcribe(
            options.files,
            load_order(model, languages),
            model.language,
            told,
            channels=options.channels,
            vocabulary=options.vocabulary,
        )
        for outcome in outcomes:
            bar.clear()
            entry = _publish(outcome, press)
            if entry["error"]:
                code = EXIT_WORK_FAILED
            report.append(entry)
            if not options.json:
                print(_line(entry))
    if options.json:
        print(json.dumps(report, indent=2))
    return code


def _settings(options: argparse.Namespace) -> tuple[ModelSettings, SubtitleSettings]:
    """The configuration's where there is one; none is needed."""
    try:
        config = find_config(options.config, os.environ)
    except ConfigError:
        model, subtitles = ModelSettings(), SubtitleSettings()
    else:
        settings = load(config)
        model, subtitles = settings.model, settings.subtitles
    asked = {"id": options.model, "language": options.language}
    return model.model_copy(update={key: value for key, value in asked.items() if value}), subtitles


def _language(code: str) -> str:
    if code != "auto" and code not in LANGUAGES:
        raise argparse.ArgumentTypeError(f'{code!r} is no language code that Whisper knows; write one such as "en"')
    return code


def _vocabulary(words: str) -> tuple[str, ...]:
    try:
        return vocabulary(tuple(word for word in words.split(",") if word.strip()))
    except PydanticCustomError as error:
        raise argparse.ArgumentTypeError(error.message()) from error


class _Press:
    """Makes the sidecars of one recording after the other; ``revision`` of the model is known once it is loaded."""

    def __init__(self, model_id: str, settings: str, wishes: Wishes, folder: Path | None) -> None:
        self.revision: str | None = None
        self._model_id = model_id
        self._settings = settings
        self._wishes = wishes
        self._folder = folder
        self._records = RunRecords()

    def publish(self, recording: Path, transcript: Transcript) -> PublishReport:
        sha256 = content_hash(recording.resolve()).sha256
        provenance = Provenance(sha256, self._model_id, self.revision, self._settings)
        self._records.recording = recording
        destination = Destination(self._folder or recording.parent, root=None)
        return publish_sidecars(recording, transcript, provenance, self._wishes, self._records, destination=destination)


def _publish(outcome: Outcome, press: _Press) -> dict[str, Any]:
    sidecars: list[Path] = []
    error = outcome.error
    if outcome.transcript is not None:
        try:
            sidecars = press.publish(outcome.path, outcome.transcript).written
        except WatcherdError as blocked:
            error = blocked
    transcript = outcome.transcript
    return {
        "path": str(outcome.path),
        "error": None if error is None else error.without_path(),
        "error_class": None if error is None else error.error_class,
        "language": None if transcript is None else transcript.language,
        "language_suspect": transcript is not None and transcript.language_suspect,
        "duration_s": None if transcript is None else transcript.duration_ms / 1000,
        "transcribed_s": round(outcome.compute_s, 3),
        "sidecars": [str(sidecar) for sidecar in sidecars],
        "segments": [] if transcript is None else transcript.to_dict()["segments"],
    }


def _line(entry: dict[str, Any]) -> str:
    path = printable(entry["path"])
    if entry["error"]:
        return f"{path}: {entry['error']}"
    wrote = ", ".join(printable(Path(sidecar).name) for sidecar in entry["sidecars"])
    said = "" if entry["segments"] else "nobody speaks in it; "
    if entry["language_suspect"]:
        said += f"it does not sound like {LANGUAGES.get(entry['language'], 'its language')}; "
    took = f"{duration(entry['duration_s'])} of audio in {duration(entry['transcribed_s'])}"
    return f"{path}: {said}{took}; " + (
        f"wrote {wrote}" if wrote else "every sidecar was there before, none is touched"
    )

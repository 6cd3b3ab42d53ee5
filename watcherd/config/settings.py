"""What config.toml says, checked: one frozen model a table, with every default."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from watcherd.config import values
from watcherd.config.complaints import Complaint, Location, key_name, refusal, wrong
from watcherd.config.explain import complaints_of, line_of
from watcherd.config.folders import check_places


class Table(BaseModel):
    """A table of the file: nothing is converted by guessing, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelSettings(Table):
    """``[model]``: what recognises speech, and where it runs."""

    id: Annotated[str, AfterValidator(values.model_id)] = "distil-whisper/distil-large-v3"
    """A Hub id, a folder, or ``packaged:NAME``."""
    device: Annotated[str, AfterValidator(values.device)] = "auto"
    dtype: Literal["auto", "float16", "bfloat16", "float32", "int8"] = "auto"
    batch_size: Annotated[int | Literal["auto"], PlainValidator(values.batch_size)] = "auto"
    decoding: Literal["auto", "fast", "accurate"] = "auto"
    """Whether one text of each window is followed or the most probable of several is sought."""
    word_times: bool = False
    """Whether every word gets its time, also where that costs a further pass over the text."""
    language: Annotated[str, AfterValidator(values.language_or_auto)] = "auto"
    """One of Whisper's codes, or ``"auto"``."""
    idle_unload_s: Annotated[float | None, PlainValidator(values.seconds_or_never)] = Field(
        default=1800.0, alias="idle_unload"
    )
    """Seconds without work after which the engine gives its memory back; None for never."""
    stall_timeout_s: Annotated[float | None, PlainValidator(values.stall_timeout)] = Field(
        default=None, alias="stall_timeout"
    )
    """Seconds of silence after which an engine is replaced; None goes by the length of its work."""


Format = Annotated[str, AfterValidator(values.sidecar_format)]
Pattern = Annotated[str, AfterValidator(values.pattern)]


class WatchRoot(Table):
    """``[[watch]]``: one folder with all that is asked for its recordings."""

    path: Annotated[Path, PlainValidator(values.folder)] = Field(examples=["~/Sync/Recordings"])
    """Absolute, with the symbolic links that it was given with."""
    recursive: bool = True
    mode: Literal["auto", "events", "poll"] = "auto"
    settle_s: Annotated[float, PlainValidator(values.seconds)] = Field(default=5.0, alias="settle")
    """Seconds without a change after which a file counts as complete."""
    exclude: Annotated[tuple[Pattern, ...], BeforeValidator(values.as_tuple)] = Field(
        default=(), examples=[["drafts/**"]]
    )
    """Globs relative to ``path``; ``**`` stands for any number of folders."""
    sync_conflicts: Literal["skip", "transcribe"] = "skip"
    language: Annotated[str, AfterValidator(values.language_or_auto)] | None = Field(default=None, examples=["en"])
    """None leaves it to ``[model]``; see ``Settings.language_of``."""
    vocabulary: Annotated[tuple[str, ...], BeforeValidator(values.as_tuple), AfterValidator(values.vocabulary)] = Field(
        default=(), examples=[["Kowalczyk", "Grafana"]]
    )
    """Names and jargon that the recognizer should know how to spell."""
    formats: Annotated[tuple[Format, ...], BeforeValidator(values.as_tuple), AfterValidator(values.sidecar_formats)] = (
        values.DEFAULT_FORMATS
    )
    channels: Literal["mix", "split"] = "mix"
    """What becomes of two channels: one voice, or the two sides of a call."""
    speakers: Annotated[tuple[str, ...], BeforeValidator(values.as_tuple), AfterValidator(values.speakers)] = (
        values.SPEAKERS
    )
    """What the sides are called in sidecars, where channels are split: left, right."""
    language_suffix: bool = False
    """Subtitles have their language in their names."""
    output_dir: Annotated[Path, PlainValidator(values.output_folder)] | None = Field(
        default=None, examples=["~/Transcripts"]
    )
    """Where the sidecars go, in the tree of ``path``; absolute. None: beside their recordings."""


class SubtitleSettings(Table):
    """``[subtitles]``: how cues are laid out."""

    max_line_length: int = Field(default=42, ge=10, le=200)
    """Characters."""
    max_lines: int = Field(default=2, ge=1, le=4)


class LedgerSettings(Table):
    """``[ledger]``: the memory of what was done."""

    path: Annotated[Path, PlainValidator(values.ledger_file)] = Field(default="", validate_default=True)
    """The database file, absolute."""


def _watch_tables(value: object) -> object:
    example = '[[watch]] and, below it, path = "~/Sync/Recordings"'
    if isinstance(value, dict):
        raise wrong("there can be several folders, but [watch] is a single table", "Write [[watch]], in two brackets")
    if not isinstance(value, list | tuple):
        raise wrong(f"{values.shown(value)} is not a list of tables", f"Write {example}")
    if not value:
        raise wrong("there is no folder to watch", f"Write {example}")
    return tuple(value)


class Settings(Table):
    """The whole configuration; two that are equal ask for the same."""

    watch: Annotated[tuple[WatchRoot, ...], BeforeValidator(_watch_tables)] = Field(default=[], validate_default=True)
    """At least one; none of them inside another."""
    model: ModelSettings = Field(default_factory=ModelSettings)
    subtitles: SubtitleSettings = Field(default_factory=SubtitleSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)

    @classmethod
    def from_document(
        cls,
        document: Mapping[str, object],
        base_folder: Path,
        *,
        file: Path | None = None,
        lines: Mapping[Location, int] = MappingProxyType({}),
        check_disk: bool = True,
    ) -> Self:
        """Check a parsed document, and the disk for the folders that it names.

        Args:
            document: as ``tomli`` gives it.
            base_folder: absolute; relative paths start here.
            file: where the document comes from, for the messages.
            lines: where its keys stand in the file, for the messages.
            check_disk: whether the folders have to be there and of use; a command that only reads the ledger need not.

        Raises:
            ConfigError: with all that is wrong.
        """
        context = {values.BASE_FOLDER: base_folder}
        complaints: list[Complaint] = []
        settings = None
        try:
            settings = cls.model_validate(document, context=context)
        except ValidationError as error:
            complaints += complaints_of(error, cls, lines)
        if check_disk:
            roots, others = (_folders_of(document, base_folder, key) for key in ("path", "output_dir"))
            places = check_places(roots, others, _ledger_of(document, base_folder))
            complaints += [replace(place, line=line_of(place.location, lines)) for place in places]
        if settings is None or complaints:
            raise refusal(complaints, file)
        return settings

    @classmethod
    def ledger_of(cls, document: Mapping[str, object], base_folder: Path) -> Path:
        """The ledger of a parsed document alone, without a look at anything else in it.

        Raises:
            ConfigError: that entry is wrong.
        """
        try:
            table = LedgerSettings.model_validate(document.get("ledger", {}), context={values.BASE_FOLDER: base_folder})
        except ValidationError as error:
            raise refusal(complaints_of(error, LedgerSettings, {})) from error
        return table.path

    @classmethod
    def for_folder(cls, watch: Path, model: str | None = None, ledger: Path | None = None) -> Self:
        """A configuration without a file: one folder, and the defaults for all that is not given.

        Raises:
            ConfigError: the folder, the model's name or the ledger's place cannot be used.
        """
        document: dict[str, object] = {"watch": [{"path": watch}]}
        if model is not None:
            document["model"] = {"id": model}
        if ledger is not None:
            document["ledger"] = {"path": ledger}
        return cls.from_document(document, Path.cwd())

    def with_watch(self, folder: Path) -> Self:
        """The same with this one folder; it keeps its own settings where it is among the configured ones.

        Raises:
            ConfigError: the folder cannot be watched.
        """
        alone = self.for_folder(folder, ledger=self.ledger.path).watch
        known = tuple(root for root in self.watch if root.path == alone[0].path)
        return self.model_copy(update={"watch": known or alone})

    def with_model(self, model_id: str) -> Self:
        """The same with another model.

        Raises:
            ConfigError: that can be no model.
        """
        table = self.model.model_dump(by_alias=True) | {"id": model_id}
        try:
            model = ModelSettings.model_validate(table)
        except ValidationError as error:
            raise refusal(complaints_of(error, ModelSettings, {})) from error
        return self.model_copy(update={"model": model})

    def language_of(self, root: WatchRoot) -> str:
        """The language to expect in a folder's recordings: one of Whisper's codes, or ``"auto"``."""
        return root.language or self.model.language

    def languages_by_key(self) -> dict[str, str]:
        """The languages to expect in any folder's recordings, by the keys that ask for them."""
        return {
            key_name(("watch", index, "language")) if root.language else "model.language": self.language_of(root)
            for index, root in enumerate(self.watch)
        }


def _folders_of(document: Mapping[str, object], base_folder: Path, key: str) -> dict[Location, Path]:
    """The folders of all ``[[watch]]`` that have one under this key, whatever else is wrong with them."""
    folders: dict[Location, Path] = {}
    tables = document.get("watch")
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        if isinstance(table, dict) and key in table:
            with suppress(PydanticCustomError):
                folders["watch", index, key] = values.absolute(table[key], base_folder)
    return folders


def _ledger_of(document: Mapping[str, object], base_folder: Path) -> Path | None:
    table = document.get("ledger", {})
    with suppress(PydanticCustomError):
        return values.ledger_path(table.get("path", ""), base_folder) if isinstance(table, dict) else None
    return None

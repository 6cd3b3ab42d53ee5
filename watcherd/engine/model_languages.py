"""Whether a model can read the languages that it is asked to read. Nothing here imports torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from watcherd.config.languages import LANGUAGES
from watcherd.engine.checkpoints import PREFIX, Checkpoint, is_english_by_name, resolve
from watcherd.errors import ConfigError, ModelUnavailableError

MULTILINGUAL: Final = "openai/whisper-large-v3-turbo"
"""What to name where a model of many languages is needed: as fast as the distilled English ones."""


def refuse_languages(model_id: str, wanted: Mapping[str, str], *, file: Path | None = None) -> None:
    """Refuse what cannot be read, as early as it can be known: by the model's name, else by its files if they are here.

    Args:
        model_id: a Hub id, a folder, or ``packaged:NAME``.
        wanted: a language code or ``"auto"`` for each key that asks for one.
        file: the configuration that the keys stand in.

    Raises:
        ConfigError: with every key that asks in vain.
    """
    foreign = {key: code for key, code in wanted.items() if code not in {"auto", "en"}}
    if not foreign:
        return
    if is_english_by_name(model_id):
        raise _english_only(model_id, foreign, file)
    if model_id.startswith(PREFIX):
        return  # converting it now would hold up the start; the engine looks when it has loaded it
    try:
        checkpoint = resolve(model_id, download=False)
    except ModelUnavailableError:
        return
    refuse_languages_of(checkpoint, foreign, file=file)


def refuse_languages_of(checkpoint: Checkpoint, wanted: Mapping[str, str], *, file: Path | None = None) -> None:
    """The same for a model whose files are here.

    Raises:
        ConfigError: with every key that asks in vain.
    """
    foreign = {key: code for key, code in wanted.items() if code not in {"auto", "en"}}
    if foreign and checkpoint.english_only:
        raise _english_only(checkpoint.model_id, foreign, file)
    unknown = {key: code for key, code in foreign.items() if checkpoint.languages and code not in checkpoint.languages}
    if unknown:
        raise ConfigError(
            f"{_asked(unknown)}, and the model {checkpoint.model_id} has no token for that",
            path=file,
            remedy=f'Write "auto" there, or choose a model that knows it, such as id = "{MULTILINGUAL}" under [model]',
        )


def _english_only(model_id: str, foreign: Mapping[str, str], file: Path | None) -> ConfigError:
    return ConfigError(
        f"{_asked(foreign)}, and the model {model_id} writes English whatever is spoken",
        path=file,
        remedy=f'Choose a model of many languages, such as id = "{MULTILINGUAL}" or "{PREFIX}base" under [model], or '
        'write "en" or "auto" there',
    )


def _asked(wanted: Mapping[str, str]) -> str:
    return ", ".join(f'{key} is "{code}" ({LANGUAGES.get(code, "unknown")})' for key, code in wanted.items())

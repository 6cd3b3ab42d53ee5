"""config.toml → Settings: found, read, checked. Errors name the file, the key, what is wrong, what to write."""

from watcherd.config.files import find_config, ledger_path, load
from watcherd.config.languages import LANGUAGES
from watcherd.config.settings import LedgerSettings, ModelSettings, Settings, SubtitleSettings, WatchRoot
from watcherd.config.values import DEFAULT_FORMATS, FORMATS, SPEAKERS, state_directory

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "LANGUAGES",
    "SPEAKERS",
    "LedgerSettings",
    "ModelSettings",
    "Settings",
    "SubtitleSettings",
    "WatchRoot",
    "find_config",
    "ledger_path",
    "load",
    "state_directory",
]

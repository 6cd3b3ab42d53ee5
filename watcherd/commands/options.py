"""Options that several commands share."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watcherd.config import FORMATS, LedgerSettings, Settings, find_config, ledger_path, load
from watcherd.errors import ConfigError
from watcherd.service.system import service_ledger

Subparsers = Any
"""argparse names the type of ``add_subparsers`` only privately."""


def add_command(
    commands: Subparsers, name: str, summary: str, call: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A command with ``-c`` and its help; ``call`` gets the parsed options and returns the exit code."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="the configuration (see config.example.toml)")
    parser.set_defaults(command=call)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_formats(parser: argparse.ArgumentParser, use: str) -> None:
    """``--format``, once for each; ``use`` says what for. None where it is not given."""
    parser.add_argument("--format", dest="formats", action="append", choices=FORMATS, help=use)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """``--watch`` and ``--model``, which also work without any configuration file."""
    parser.add_argument("--watch", type=Path, metavar="DIR", help="watch this folder, whatever the configuration says")
    parser.add_argument("--model", metavar="ID", help="use this model, whatever the configuration says")


def config_of(options: argparse.Namespace) -> Path | None:
    """The configuration file that is used; None where ``--watch`` stands in for one.

    Raises:
        ConfigError: there is none.
    """
    if options.config is None and getattr(options, "watch", None) is not None:
        return None
    return find_config(options.config, os.environ)


def ledger_of(options: argparse.Namespace) -> Path:
    """The ledger to look into, or whose daemon to ask: the configuration's, else the one that is used without any.

    Nothing else of the configuration matters, so a folder that is not mounted now, or a mistake, is no hindrance.

    Raises:
        ConfigError: the configuration that is named cannot be read.
    """
    try:
        config = find_config(options.config, os.environ)
    except ConfigError:
        return LedgerSettings().path
    ledger = ledger_path(config)
    if ledger == LedgerSettings().path and "STATE_DIRECTORY" not in os.environ:
        # A person asks, and the state directory of the service is not a person's.
        return service_ledger(config) or ledger
    return ledger


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for.

    Raises:
        ConfigError: there is no usable configuration, or its model cannot read the languages that it asks for.
    """
    settings = _settings_of(options)
    # Here and not when a config file is read: only those who are about to use the model look at its files.
    from watcherd.engine.model_languages import refuse_languages  # noqa: PLC0415  likewise the Hub's client

    refuse_languages(settings.model.id, settings.languages_by_key(), file=config_of(options))
    return settings


def _settings_of(options: argparse.Namespace) -> Settings:
    watch: Path | None = getattr(options, "watch", None)
    model: str | None = getattr(options, "model", None)
    if options.config is None and watch is not None:
        return Settings.for_folder(watch, model=model)
    settings = load(find_config(options.config, os.environ))
    if watch is not None:
        settings = settings.with_watch(watch)
    return settings.with_model(model) if model else settings

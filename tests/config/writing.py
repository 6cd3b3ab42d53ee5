"""A configuration as a test writes it, and what is said of it."""

import textwrap
from pathlib import Path

import pytest

from watcherd.config import Settings, load
from watcherd.errors import EXIT_CONFIG, ConfigError


def write(home: Path, text: str) -> Path:
    path = home / "config.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def settings(home: Path, text: str) -> Settings:
    return load(write(home, text))


def complaints(home: Path, text: str) -> list[str]:
    """The lines of the error below its heading, without the file's path."""
    with pytest.raises(ConfigError) as caught:
        settings(home, text)
    assert caught.value.exit_code == EXIT_CONFIG
    heading, *lines = str(caught.value).split("\n")
    path = home / "config.toml"
    assert heading == f"{path}: {len(lines)} error{'s' if len(lines) > 1 else ''}:"
    assert all(line.startswith(f"  {path}:") for line in lines)
    return [line.removeprefix(f"  {path}:") for line in lines]


def complaint(home: Path, text: str) -> str:
    (line,) = complaints(home, text)
    return line


ROOT = """
    [[watch]]
    path = "in"
"""

"""Patterns of files to be left alone, as in .gitignore."""

import re
import warnings
from collections.abc import Iterable

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError


def compiled(patterns: Iterable[str]) -> GitIgnoreSpec:
    """What the patterns match, for paths relative to the watched folder.

    Raises:
        ValueError: one of them cannot be understood, or can match nothing.
    """
    # A pattern is a name, not a line of a file: gitignore would take a leading # for a comment.
    lines = ["\\" + pattern if pattern.startswith("#") else pattern for pattern in patterns]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # classes within classes, such as [[:alpha:]]
            spec = GitIgnoreSpec.from_lines(lines)
    except (GitIgnorePatternError, re.error, FutureWarning) as error:
        raise ValueError(str(error)) from error
    for line, pattern in zip(lines, spec.patterns, strict=True):
        if pattern.include is None:
            raise ValueError(f"nothing can match {line!r}")
    return spec

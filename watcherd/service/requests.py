"""What stands in a control request, taken with care: whoever may open the socket may send anything."""

import math
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from watcherd.errors import WatcherdError

LONGEST_S: Final = 7 * 24 * 3600.0
"""As long as a duration of the configuration may be."""


class BadRequestError(WatcherdError):
    """The request cannot be understood; nothing was done."""


def paths_in(values: list[Any]) -> list[Path]:
    """Absolute paths, as JSON carries them.

    Raises:
        BadRequestError: one of them can be no path.
    """
    return [_path(value) for value in values]


def length_in(value: object) -> timedelta | None:
    """A number of seconds; None stays None.

    Raises:
        BadRequestError: it is neither, or no sensible number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRequestError(f"{value!r} is no number of seconds")
    if not 0 < value <= LONGEST_S:
        raise BadRequestError(f"{value} s is too short or longer than a week")
    return timedelta(seconds=value)


def _path(value: object) -> Path:
    if isinstance(value, str) and value.startswith("/") and "\0" not in value:
        try:
            os.fsencode(value)
        except UnicodeEncodeError:  # a surrogate that no name of a file stands for
            pass
        else:
            return Path(value)
    raise BadRequestError(f"{value!a} is no absolute path")

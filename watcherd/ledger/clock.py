"""Times as the ledger keeps them: integer milliseconds since 1970-01-01 UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]
"""Gives the present time, with its time zone."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down.

    >>> to_ms(datetime(1970, 1, 1, 0, 0, 1, 500_900, tzinfo=UTC))
    1500
    """
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(moment_ms: int) -> datetime:
    """The inverse of ``to_ms``, in UTC."""
    return _EPOCH + moment_ms * _MILLISECOND

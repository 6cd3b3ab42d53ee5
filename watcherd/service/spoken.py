"""Numbers and times as people say them."""

from datetime import datetime


def duration(seconds: float) -> str:
    """Two units at most.

    >>> duration(4.96), duration(75), duration(7260)
    ('5.0 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 59.95:  # noqa: PLR2004  what would be shown as 60.0 s is a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "recording"), counted(2, "file")
    ('1 recording', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clock(moment_ms: int) -> str:
    """Hours, minutes and seconds.

    >>> clock(3_723_400)
    '1:02:03'
    """
    minutes, seconds = divmod(moment_ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def moment(when: datetime, now: datetime) -> str:
    """A time of day here, with the day where it is another one. Both times know their zone.

    >>> now = datetime(2026, 11, 23, 9, 0).astimezone()
    >>> moment(now.replace(hour=18, minute=30), now), moment(now.replace(day=24), now)
    ('18:30', '2026-11-24 09:00')
    """
    local = when.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"

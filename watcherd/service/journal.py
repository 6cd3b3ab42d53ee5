"""Logging: journald with fields where it listens, else standard error for people and for files."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from watcherd.names import printable

NOTICE: Final = 25
"""Between INFO and WARNING: normal, and worth a look. journald has it, Python's logging does not."""

IDENTIFIER: Final = "watcherd"
"""What ``journalctl -t`` finds, and the logger above all of ours."""

JOURNAL_SOCKET: Final = Path("/run/systemd/journal/socket")

_FIELD: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""The names that journald takes from a program."""

_RESET: Final = "\033[0m"
_DIM: Final = "\033[2m"
# From each level on: symbol, letter for terminals that may not know the symbol, colour.
_LOOKS: Final = (
    (logging.ERROR, "✗", "E", "\033[1;31m"),
    (logging.WARNING, "!", "!", "\033[33m"),
    (NOTICE, "✓", "*", "\033[32m"),
    (logging.INFO, "·", "-", ""),
    (logging.NOTSET, " ", " ", _DIM),
)

logging.addLevelName(NOTICE, "NOTICE")


def setup(
    *, verbose: bool = False, stream: TextIO | None = None, before_line: Callable[[], None] | None = None
) -> None:
    """Send all log records to the journal or to ``stream``; a second call replaces the first.

    Args:
        verbose: tell all that watcherd does, not only what a person wants to know of it.
        stream: standard error, unless another one is given.
        before_line: called before each line that goes to ``stream``, as by a progress bar that has to make room.
    """
    handler = _handler(sys.stderr if stream is None else stream, before_line)
    handler.addFilter(_no_chatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(IDENTIFIER).setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.captureWarnings(capture=True)


class JournalHandler(logging.Handler):
    """Sends records to journald with every upper-case extra as a field.

    systemd-python's own handler loses records: those with a name that is not UTF-8, those with extras that it sets
    itself; and it knows no NOTICE.

    Args:
        send: ``systemd.journal.sendv``.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._send(*journal_fields(record, self.format(record)))
        except Exception:  # noqa: BLE001  logging's way: a record that cannot be sent must not end the work
            self.handleError(record)


def journal_fields(record: logging.LogRecord, message: str) -> Iterator[bytes]:
    """What journald gets of a record: ``NAME=value``, the value in any bytes.

    A field comes from every extra with an upper-case name; several from one that is a tuple; none from None.
    """
    fields: dict[str, object] = {name: value for name, value in record.__dict__.items() if _FIELD.fullmatch(name)}
    fields |= {
        "MESSAGE": readable(message),
        "PRIORITY": priority(record.levelno),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "LOGGER": record.name,
        "THREAD_NAME": record.threadName,
        "CODE_FILE": record.pathname,
        "CODE_LINE": record.lineno,
        "CODE_FUNC": record.funcName,
    }
    for name, value in fields.items():
        for single in value if isinstance(value, tuple) else (value,):
            if single is not None:
                yield name.encode("ascii") + b"=" + _raw(single)


def priority(level: int) -> int:
    """Syslog's priority of a level of Python's logging."""
    for least, number in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (NOTICE, 5)):
        if level >= least:
            return number
    return 6 if level >= logging.INFO else 7


def readable(text: str) -> str:
    """Without control characters and bytes that are not UTF-8; the lines of a longer text are kept."""
    return "\n".join(map(printable, text.rstrip("\n").split("\n")))


class PrefixFormatter(logging.Formatter):
    """For plain text that journald reads: each line begins with its priority, and journald adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        return _indented(f"<{priority(record.levelno)}>", super().format(record), repeat=True)


class PlainFormatter(logging.Formatter):
    """For files and pipes: time with its zone, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        time = datetime.fromtimestamp(record.created, UTC).astimezone().isoformat(timespec="seconds")
        return _indented(f"{time} {record.levelname:<7} ", super().format(record))


class TerminalFormatter(logging.Formatter):
    """For people: the time of day, a mark for the level, the message; in colours where they are wanted."""

    def __init__(self, *, symbols: bool, colours: bool) -> None:
        super().__init__()
        self._symbols = symbols
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines."""
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        symbol, letter, colour = next(look for least, *look in _LOOKS if record.levelno >= least)
        mark = symbol if self._symbols else letter
        message = super().format(record)
        if not self._colours:
            return _indented(f"{time} {mark} ", message)
        return _indented(f"{_DIM}{time}{_RESET} {colour}{mark} ", message) + _RESET


class _LineHandler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, before_line: Callable[[], None] | None) -> None:
        super().__init__(stream)
        self._before_line = before_line
        self._encoding = stream.encoding or "utf-8"

    def format(self, record: logging.LogRecord) -> str:
        # A character that the stream does not know must not cost the record.
        return super().format(record).encode(self._encoding, "backslashreplace").decode(self._encoding)

    def emit(self, record: logging.LogRecord) -> None:
        if self._before_line is not None:
            self._before_line()
        super().emit(record)


def _handler(stream: TextIO, before_line: Callable[[], None] | None) -> logging.Handler:
    by_journald = _is_read_by_journald(stream)
    send = _journal_binding() if by_journald else None
    if send is not None:
        handler: logging.Handler = JournalHandler(send)
        handler.setFormatter(logging.Formatter())
    else:
        handler = _LineHandler(stream, before_line)
        handler.setFormatter(PrefixFormatter() if by_journald else _formatter_for(stream))
    return handler


def _journal_binding() -> Callable[..., object] | None:
    # Not at the top: it is an optional part. Without the socket it would lose everything and say nothing.
    try:
        import systemd.journal  # noqa: PLC0415
    except ImportError:
        return None
    sendv: Callable[..., object] = systemd.journal.sendv
    return sendv if JOURNAL_SOCKET.exists() else None


def _formatter_for(stream: TextIO) -> logging.Formatter:
    if not stream.isatty():
        return PlainFormatter()
    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    symbols = stream.encoding.lower().startswith("utf")
    return TerminalFormatter(symbols=symbols, colours=colours)


def _is_read_by_journald(stream: TextIO) -> bool:
    """Whether systemd has connected this stream to the journal, and nobody has redirected it since."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _no_chatter(record: logging.LogRecord) -> bool:
    """Libraries are heard from WARNING on, whatever levels they give to their own loggers."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == IDENTIFIER


def _indented(prefix: str, message: str, *, repeat: bool = False) -> str:
    """The lines after the first are indented, so that no text from outside passes for a line of ours."""
    first, *rest = readable(message).split("\n")
    return "\n".join([prefix + first, *((prefix if repeat else "") + "  " + line for line in rest)])


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")

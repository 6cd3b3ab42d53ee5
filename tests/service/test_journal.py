import io
import logging
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest

from watcherd.service.journal import NOTICE, JournalHandler, journal_fields, priority, setup

SAMPLE = """
    import logging, os, sys
    from watcherd.service.journal import NOTICE, setup
    setup(verbose="-v" in sys.argv)
    log = logging.getLogger("watcherd.sample")
    log.debug("a detail")
    log.info("an info")
    log.log(NOTICE, "a notice")
    log.warning("a warning")
    log.error("an error in %s\\nof two lines", os.fsdecode(b"caf\\xe9\\x1b[2J.mp3"))
"""


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What ``setup`` changes for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("watcherd")
    before = root.handlers[:], root.level, ours.level
    # pytest's own handlers must survive the forced replacement.
    root.handlers[:] = []
    yield
    root.handlers[:], root.level, ours.level = before
    logging.captureWarnings(capture=False)


def run(script: str, *arguments: str, stderr: int = subprocess.PIPE, **environ: str) -> bytes:
    """Run a script and return what it wrote to a stderr that is a pipe."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    answer = subprocess.run(command, check=True, stderr=stderr, env=os.environ | environ)
    return answer.stderr or b""


def on_terminal(script: str, **environ: str) -> str:
    """Run a script whose stderr is a terminal, and return what appeared there."""
    ours, theirs = pty.openpty()
    try:
        run(script, stderr=theirs, **{"TERM": "xterm"} | environ)
        # The pty's buffer of 4 KB holds all that our scripts say.
        return os.read(ours, 65536).decode("utf-8").replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_pipe_gets_plain_lines_with_the_time_and_its_zone() -> None:
    lines = run(SAMPLE).decode().splitlines()
    stamps, rest = zip(*(line.split(" ", 1) for line in (*lines[:4],)), strict=True)
    assert all(datetime.fromisoformat(stamp).tzinfo is not None for stamp in stamps)
    assert rest == (
        "INFO    an info",
        "NOTICE  a notice",
        "WARNING a warning",
        "ERROR   an error in caf\\xe9\\x1b[2J.mp3",
    )
    assert lines[4:] == ["  of two lines"]


def test_details_are_told_on_demand_only() -> None:
    assert b"DEBUG   a detail" in run(SAMPLE, "-v")
    assert b"a detail" not in run(SAMPLE)


def test_a_terminal_gets_colours_and_marks() -> None:
    shown = on_terminal(SAMPLE)
    assert "\033[32m✓ a notice\033[0m" in shown
    assert "\033[33m! a warning\033[0m" in shown
    assert "\033[1;31m✗ an error in caf\\xe9\\x1b[2J.mp3\n  of two lines\033[0m" in shown
    assert re.search(r"^\033\[2m\d\d:\d\d:\d\d\033\[0m · an info\033\[0m$", shown, re.MULTILINE)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours(environ: dict[str, str]) -> None:
    shown = on_terminal(SAMPLE, **environ)
    assert "\033" not in shown
    assert re.search(r"^\d\d:\d\d:\d\d ✓ a notice$", shown, re.MULTILINE)


def test_a_terminal_that_knows_ascii_only_loses_no_line() -> None:
    script = SAMPLE + "    log.error('an umlaut: ü')\n"
    shown = on_terminal(script, PYTHONIOENCODING="ascii:surrogateescape", NO_COLOR="1")
    assert " * a notice\n" in shown
    assert " E an umlaut: \\xfc\n" in shown


PREFIXED = """
    import os
    status = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
    import watcherd.service.journal
    from pathlib import Path
    watcherd.service.journal.JOURNAL_SOCKET = Path("/nowhere")
"""


def test_journald_without_fields_gets_priorities_and_no_time() -> None:
    assert run(PREFIXED + SAMPLE).decode().splitlines() == [
        "<6>an info",
        "<5>a notice",
        "<4>a warning",
        "<3>an error in caf\\xe9\\x1b[2J.mp3",
        "<3>  of two lines",
    ]


def test_a_stream_that_was_redirected_away_from_journald_is_no_journal() -> None:
    assert b" NOTICE  a notice" in run(SAMPLE, JOURNAL_STREAM="1:2")


def test_libraries_are_heard_from_warnings_on() -> None:
    lines = run("""
        import logging
        from watcherd.service.journal import setup; setup(verbose=True)
        for name in ("transformers", "torch", "urllib3", "huggingface_hub", "watchdog.observers", "watcherdish"):
            library = logging.getLogger(name)
            library.setLevel(logging.DEBUG)
            library.info("chatter of %s", name)
            library.warning("warning of %s", name)
    """).splitlines()
    assert len(lines) == 6
    assert not [line for line in lines if b"chatter" in line]


def test_warnings_become_log_lines() -> None:
    assert b" WARNING <string>:4: UserWarning: take care\n" in run("""
        import warnings
        from watcherd.service.journal import setup; setup()
        warnings.warn("take care", stacklevel=1)
    """)


def test_a_traceback_is_kept() -> None:
    stream = io.StringIO()
    setup(stream=stream)
    try:
        raise ValueError("deep down")  # noqa: TRY301  a traceback is what is needed
    except ValueError:
        logging.getLogger("watcherd").exception("it broke")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("ERROR   it broke")
    assert rest[0] == "  Traceback (most recent call last):"
    assert rest[-1] == "  ValueError: deep down"


def test_a_second_setup_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup(stream=first)
    setup(stream=second)
    logging.getLogger("watcherd").info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_a_progress_bar_makes_room_before_each_line() -> None:
    stream = io.StringIO()
    setup(stream=stream, before_line=lambda: print("[bar gone]", file=stream))
    logging.getLogger("watcherd").info("a line")
    logging.getLogger("watcherd").debug("nothing that is shown")
    bar, line = stream.getvalue().splitlines()
    assert bar == "[bar gone]"
    assert line.endswith("a line")


# Fields


def record(
    message: str = "hello", level: int = logging.INFO, extra: Mapping[str, object] = MappingProxyType({})
) -> logging.LogRecord:
    made = logging.LogRecord("watcherd.x", level, "/src/x.py", 7, message, None, None, func="f")
    made.__dict__ |= extra
    return made


def fields(made: logging.LogRecord) -> list[tuple[str, bytes]]:
    sent = (field.partition(b"=") for field in journal_fields(made, made.getMessage()))
    return [(name.decode(), value) for name, _, value in sent]


def test_a_record_becomes_fields() -> None:
    assert fields(record(level=NOTICE)) == [
        ("MESSAGE", b"hello"),
        ("PRIORITY", b"5"),
        ("SYSLOG_IDENTIFIER", b"watcherd"),
        ("LOGGER", b"watcherd.x"),
        ("THREAD_NAME", b"MainThread"),
        ("CODE_FILE", b"/src/x.py"),
        ("CODE_LINE", b"7"),
        ("CODE_FUNC", b"f"),
    ]


def test_names_that_are_not_utf8_stay_as_they_are_in_fields_and_are_readable_in_the_message() -> None:
    name = b"/caf\xe9\n.mp3"
    sent = dict(
        fields(record(f"done: {os.fsdecode(name)}", extra={"WATCHERD_PATH": name, "WATCHERD_MODEL": os.fsdecode(name)}))
    )
    assert sent["MESSAGE"] == b"done: /caf\\xe9\n.mp3"
    assert sent["WATCHERD_PATH"] == name
    assert sent["WATCHERD_MODEL"] == name


def test_extras_with_the_names_of_our_own_fields_lose_nothing_but_themselves() -> None:
    sent = fields(record(extra={"PRIORITY": "9", "MESSAGE": "other", "CODE_LINE": 1}))
    assert ("PRIORITY", b"6") in sent
    assert ("MESSAGE", b"hello") in sent
    assert len({name for name, _ in sent}) == len(sent)


def test_a_tuple_is_a_field_several_times_and_none_is_no_field() -> None:
    sent = fields(record(extra={"WATCHERD_SIDECAR": (b"a.srt", b"a.txt"), "WATCHERD_LANGUAGE": None}))
    assert [value for name, value in sent if name == "WATCHERD_SIDECAR"] == [b"a.srt", b"a.txt"]
    assert "WATCHERD_LANGUAGE" not in dict(sent)


@pytest.mark.parametrize("name", ["lower", "_TRUSTED", "1ST", "A" * 65, "WITH-DASH"])
def test_names_that_journald_would_refuse_are_not_sent(name: str) -> None:
    assert name not in dict(fields(record(extra={name: "x"})))


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (NOTICE, 5),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
    ],
)
def test_priorities(level: int, expected: int) -> None:
    assert priority(level) == expected


def test_a_record_that_cannot_be_sent_does_not_end_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object) -> None:
        raise OSError("journald is gone")

    JournalHandler(refuse).handle(record())
    assert "journald is gone" in capsys.readouterr().err


# The real library, with a socket of ours in the place of journald's

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
MOUNT = "mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; "

JOURNALD = """
    import logging, os, socket, sys
    from pathlib import Path
    journald = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journald.bind("/run/systemd/journal/socket")
    status = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
    from watcherd.errors import MediaError
    from watcherd.service.events import Event, log
    from watcherd.service.journal import setup
    setup()
    path = Path(os.fsdecode(b"/in/caf\\xe9\\n.mp3"))
    log(Event.FAILED, path=path, root=Path("/in"), error=MediaError("no audio", path=path), attempt=1)
    sys.stdout.buffer.write(journald.recv(1 << 20))
"""


def parsed(datagram: bytes) -> dict[str, bytes]:
    """journald's native protocol: ``NAME=value`` lines, or the name alone before a length and a binary value."""
    found = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", datagram)
            value, datagram = datagram[8 : 8 + size], datagram[8 + size + 1 :]
        found[name.decode()] = value
    return found


def test_what_reaches_journald() -> None:
    pytest.importorskip("systemd.journal", reason="systemd-python is not installed")
    if (
        shutil.which("unshare") is None
        or subprocess.run([*NAMESPACE, MOUNT], check=False, capture_output=True).returncode != 0
    ):
        pytest.skip("no namespace of our own can be made here")
    command: list[Any] = [*NAMESPACE, MOUNT + 'exec "$@"', "sh", sys.executable, "-c", textwrap.dedent(JOURNALD)]
    answer = subprocess.run(command, check=True, capture_output=True)
    assert answer.stderr == b""
    sent = parsed(answer.stdout)
    assert sent["WATCHERD_PATH"] == b"/in/caf\xe9\n.mp3"
    assert sent["MESSAGE"].startswith(b"caf\\xe9\\x0a.mp3: failed, no audio. ")
    assert sent["PRIORITY"] == b"3"
    assert sent["SYSLOG_IDENTIFIER"] == b"watcherd"
    assert sent["WATCHERD_ROOT"] == b"/in"
    assert sent["WATCHERD_STATE"] == b"failed"
    assert sent["WATCHERD_ERROR_CLASS"] == b"permanent"
    assert sent["WATCHERD_ATTEMPT"] == b"1"
    assert re.fullmatch(rb"[0-9a-f]{32}", sent["MESSAGE_ID"])
    assert sent["CODE_FILE"] == b"<string>"
    assert "CODE_FUNC" in sent


def test_without_systemd_python_journald_gets_plain_lines() -> None:
    script = "import sys; sys.modules['systemd'] = None\n" + textwrap.dedent(PREFIXED + SAMPLE)
    assert b"<5>a notice\n" in run(script.replace('"/nowhere"', '"/"'))

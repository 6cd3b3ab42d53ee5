"""Whether systemd keeps folders read-only for this process, and what opens them."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from watcherd.config.files import SYSTEM_CONFIG

_SYSTEM_MANAGER: Final = 1


def remedy(environ: Mapping[str, str] = os.environ) -> str | None:
    """What opens a watched folder to the service of the system; None where this process is no such service.

    systemd tells a process that it has started itself by its own number in SYSTEMD_EXEC_PID; everything else that a
    service has in its environment is inherited by terminals and shells as well. The service manager of a user, which
    leaves every folder open, is not process 1.
    """
    if environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()) or os.getppid() != _SYSTEM_MANAGER:
        return None
    config = environ.get("WATCHERD_CONFIG", "")
    named = "" if config in {"", str(SYSTEM_CONFIG)} else f" -c {shlex.quote(str(Path(config)))}"
    return f"Run `sudo watcherd install{named}`, then `sudo systemctl restart watcherd`"

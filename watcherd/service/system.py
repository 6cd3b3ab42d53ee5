"""The service of the system, as somebody at a shell meets it, who has none of its environment."""

from pathlib import Path
from typing import Final

from watcherd.config.files import SYSTEM_CONFIG
from watcherd.service.units import assignment

SYSTEM_UNITS: Final = Path("/etc/systemd/system")
"""Where an administrator's units lie; those of packages lie elsewhere."""

SERVICE: Final = "watcherd.service"

STATE: Final = Path("/var/lib/watcherd")
"""STATE_DIRECTORY of the service."""

RUNTIME: Final = Path("/run/watcherd")
"""RUNTIME_DIRECTORY of the service."""


def service_ledger(config: Path, state: Path = STATE, units: Path = SYSTEM_UNITS) -> Path | None:
    """Where the service keeps the ledger of this configuration, if it is the one that the service runs with.

    For a configuration that names no ledger of its own. None where there is no service, or where it has another one.
    """
    if not state.is_dir():
        return None
    if config.absolute() == SYSTEM_CONFIG:
        return state / "ledger.sqlite3"
    try:
        unit = (units / SERVICE).read_text("utf-8", "replace")
    except OSError:
        return None
    is_its = assignment("WATCHERD_CONFIG", str(config.absolute())) in unit
    return state / "ledger.sqlite3" if is_its else None

"""How often what is done without a cause."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds."""

    rescan_s: float = 300.0
    """Between two scans of a root whose events are complete: a net for what events may miss."""
    poll_s: float = 30.0
    """Between two scans of a root that is polled or that others can write to; up to twice that after a long scan."""
    health_s: float = 5.0
    """Between two looks at whether a root is there and its observers are well."""
    retry_events_s: float = 300.0
    """Until a root that is polled because of a limit is tried with events again."""
    rearm_s: float = 5.0
    """At least this between two new observers for one root: a storm of events must not become a storm of scans."""
    gone_grace_s: float = 1.0
    """How long a path has to be absent. watchdog tells a move out of a root after half a second."""
    stop_s: float = 1.0
    """How long a thread that hangs on a dead file system is waited for at the end."""

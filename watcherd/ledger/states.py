"""The states of a content and the one table of moves between them."""

from enum import StrEnum


class State(StrEnum):
    """Where the work on one content stands."""

    PENDING = "pending"
    """Known and waiting for its turn."""
    RUNNING = "running"
    """In the engine's hands."""
    TRANSCRIBED = "transcribed"
    """The result is stored, sidecars are still to be published."""
    DONE = "done"
    """The sidecars are published."""
    NO_SPEECH = "no_speech"
    """Nobody speaks in it: an outcome, not an error."""
    RETRY = "retry"
    """A transient error; the next attempt is made at a stored time."""
    BLOCKED = "blocked"
    """Waits for the user: read-only folder, full disk, permission."""
    FAILED = "failed"
    """Permanent: no audio stream, damaged, or attempts used up."""
    SUPERSEDED = "superseded"
    """No path holds this content any more."""


MOVES: dict[State, frozenset[State]] = {
    # Transcribed without having run: a content with the same audio packets lends its result.
    State.PENDING: frozenset({State.RUNNING, State.TRANSCRIBED, State.SUPERSEDED}),
    State.RUNNING: frozenset(
        {State.TRANSCRIBED, State.RETRY, State.BLOCKED, State.FAILED, State.PENDING, State.SUPERSEDED}
    ),
    # Pending again from here and below: the user asked for it.
    State.TRANSCRIBED: frozenset({State.DONE, State.NO_SPEECH, State.PENDING, State.SUPERSEDED}),
    # Transcribed again: another path of the content wants its sidecars.
    State.DONE: frozenset({State.TRANSCRIBED, State.PENDING, State.SUPERSEDED}),
    State.NO_SPEECH: frozenset({State.TRANSCRIBED, State.PENDING, State.SUPERSEDED}),
    State.RETRY: frozenset({State.RUNNING, State.PENDING, State.SUPERSEDED}),
    State.BLOCKED: frozenset({State.RUNNING, State.PENDING, State.SUPERSEDED}),
    State.FAILED: frozenset({State.PENDING, State.SUPERSEDED}),
    # A content that comes back takes up where it was, so that moving a recording costs nothing.
    State.SUPERSEDED: frozenset({State.PENDING, State.TRANSCRIBED, State.FAILED}),
}
"""From each state to the states that may follow it. The ledger refuses every other move."""

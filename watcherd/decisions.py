"""What became of each window of a recording, kept with its transcript: why a sentence is there, or is not."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Decision(StrEnum):
    """What the gates did with what was read in a window."""

    KEPT = "kept"
    IN_PART = "kept in part"
    """Without what the reason names."""
    SPLIT = "split"
    """Not believed: its two sides were read again, and have decisions of their own."""
    UNAIDED = "unaided"
    """Not believed, with a vocabulary's help: it was read again without, and has a decision of its own for that."""
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class WindowDecision:
    """One reading of one window, or of a part of one that was read again."""

    start_ms: int
    end_ms: int
    text: str
    """All that was read, also what was not kept."""
    avg_logprob: float
    compression: float
    """Of the text by zlib."""
    no_speech_prob: float | None
    decision: Decision
    reason: str
    """Empty where everything was kept."""
    tail_read_again: bool
    """The model stopped before the speech did, or skipped some of it, and that was read again."""

    def to_dict(self) -> dict[str, Any]:
        """As ``show --json`` has it: times in seconds."""
        data = asdict(self)
        return {"start_s": data.pop("start_ms") / 1000, "end_s": data.pop("end_ms") / 1000} | data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        rest = {name: value for name, value in data.items() if name not in {"start_s", "end_s", "decision"}}
        return cls(
            start_ms=round(data["start_s"] * 1000),
            end_ms=round(data["end_s"] * 1000),
            decision=Decision(data["decision"]),
            **rest,
        )


def summary(decisions: tuple[WindowDecision, ...]) -> str:
    """One line for people; empty where everything was kept at once."""
    dropped = [each for each in decisions if each.decision is Decision.DROPPED]
    in_part = sum(each.decision is Decision.IN_PART for each in decisions)
    again = sum(each.decision in {Decision.SPLIT, Decision.UNAIDED} or each.tail_read_again for each in decisions)
    told = []
    if dropped:
        told.append(f"{len(dropped)} dropped: " + "; ".join(sorted({each.reason for each in dropped})))
    if in_part:
        told.append(f"{in_part} kept in part")
    if again:
        told.append(f"{again} read again")
    return f"{len(decisions)} read, {', '.join(told)}" if told else ""

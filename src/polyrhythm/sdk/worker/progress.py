"""What a worker has done and is doing, for people to look at: counts, and what tasks say.

Counts are of this process since it began; what all workers do is a question to the service.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 3


@dataclass(slots=True)
class Progress:
    """Attempts of tasks: how they ended, and those at work with what they last said."""

    completed: int = 0
    failed: int = 0
    at_work: int = 0
    said: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        text = f"tasks: {self.completed} completed, {self.at_work} at work"
        if self.failed:
            text += f", {self.failed} failed attempts"
        return "; ".join([text, *self.said[:SHOWN]])


def joined(parts: list[Progress]) -> Progress:
    """Return what several workers of a process have done together."""
    return Progress(
        sum(part.completed for part in parts),
        sum(part.failed for part in parts),
        sum(part.at_work for part in parts),
        [said for part in parts for said in part.said],
    )

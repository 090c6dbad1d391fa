"""What a story is told about: one run, its virtual time and what its workers hold.

The verbs read and move it; `story.Story` keeps its log beside it and proves the fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from polyrhythm.api import notes
from polyrhythm.base.limits import DAY_NS, SECOND_NS, Limits
from polyrhythm.core.context import Context, NamespaceInfo
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

# The first instant of every story: times are told from here.
ORIGIN_NS = 1_700_000_000 * SECOND_NS


@dataclass(slots=True)
class SerialIds:
    """Ids in order: run-1, run-2."""

    count: int = 0

    def run_id(self) -> str:
        """Return the next id."""
        self.count += 1
        return f"run-{self.count}"


@dataclass(slots=True)
class StoryRun:
    """The state told about. `tokens` are workers': "task" for the workflow task, "5" for the
    newest attempt of the activity scheduled by event 5, "5@1" for its first."""

    context: Context
    state: RunState = field(default_factory=RunState)
    tokens: dict[str, notes.TaskToken] = field(default_factory=dict)
    polls: int = 0
    run_key: int = 7
    # The run that follows this one, once it has closed so.
    next_run: Decision | None = None

    def later(self, span_ns: int) -> None:
        """Move the virtual time."""
        self.context = replace(self.context, now_ns=self.context.now_ns + span_ns)


def open_run(limits: Limits | None = None) -> StoryRun:
    """Return a run that has not been started."""
    namespace = NamespaceInfo(1, "default", "namespace-id", DAY_NS)
    return StoryRun(Context(ORIGIN_NS, SerialIds(), limits or Limits(), namespace))

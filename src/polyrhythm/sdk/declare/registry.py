"""What an application has declared, by name. Two declarations of one name are refused.

Remote ones are known by name too, so that a clash is seen, but no worker here runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyrhythm.sdk.definitions import TaskDefinition, WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError


class Registry:
    """The tasks and workflows of one application."""

    __slots__ = ("_places", "projections", "remote", "tasks", "workflows")

    def __init__(self) -> None:
        self.tasks: dict[str, TaskDefinition] = {}
        self.workflows: dict[str, WorkflowDefinition] = {}
        # Of sdk/events: whatever has a name.
        self.projections: dict[str, Any] = {}
        # (kind, name) of what other workers run.
        self.remote: set[tuple[str, str]] = set()
        self._places: dict[tuple[str, str], str] = {}

    def add_task(self, definition: TaskDefinition, remote: bool = False) -> None:
        """Take a task. Raises MisuseError if its name is taken."""
        self._claim("task", definition.name, definition.function, remote)
        if not remote:
            self.tasks[definition.name] = definition

    def add_workflow(self, definition: WorkflowDefinition, remote: bool = False) -> None:
        """Take a workflow. Raises MisuseError if its name is taken."""
        self._claim("workflow", definition.name, definition.run, remote)
        if not remote:
            self.workflows[definition.name] = definition

    def _claim(self, kind: str, name: str, function: Callable[..., Any], remote: bool) -> None:
        place = place_of(function)
        known = self._places.get((kind, name))
        if known is not None:
            raise MisuseError(
                f"{kind} {name!r} is declared twice, at {known} and at {place}: give one another"
                " name, as in name='...'"
            )
        self._places[kind, name] = place
        if remote:
            self.remote.add((kind, name))


def place_of(function: Callable[..., Any]) -> str:
    """Where a function is written, as file:line."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(function)

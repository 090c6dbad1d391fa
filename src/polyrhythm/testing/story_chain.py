"""Verbs and commands of stories about chains: ends that another run follows, and that run.

A story tells of one run at a time. `follow` turns to the run that the last close asked for: its
first events are the step's, and from there on the story is the new run's, with a log of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from polyrhythm.core.decision import Decision
from polyrhythm.testing.story_run import StoryRun
from polyrhythm.testing.story_text import set_fields


def tell_follow(run: StoryRun, _words: list[str]) -> list[Decision]:
    """`follow`: from here on the story is that of the run that follows."""
    following, run.next_run = run.next_run, None
    assert following is not None, "no run follows"
    return [following]


def _continue_as_new(command: Command, words: list[str]) -> None:
    attributes = command.continue_as_new_workflow_execution_command_attributes
    attributes.SetInParent()
    set_fields(attributes, words)


COMMANDS: dict[str, tuple[CommandType.ValueType, Callable[[Command, list[str]], None] | None]] = {
    "continue-as-new": (
        CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
        _continue_as_new,
    ),
    "continue-as-nothing": (CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION, None),
}

VERBS: dict[str, Callable[[StoryRun, list[str]], list[Decision]]] = {"follow": tell_follow}

"""Verbs of stories about what operators do: pause, unpause, reset and change options.

An activity is named by its id, or by `type:NAME` for all of a type. `mask=a,b` names the fields
that are changed; every other word is a field of the options, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from polyrhythm.core.decide.activity_ops import decide_pause, decide_reset, decide_unpause
from polyrhythm.core.decide.activity_update import decide_update_activity
from polyrhythm.core.decide.workflow_options import decide_update_options
from polyrhythm.core.decision import Decision
from polyrhythm.testing.story_run import StoryRun
from polyrhythm.testing.story_text import set_fields

OPERATOR = "operator"


def tell_pause(run: StoryRun, words: list[str]) -> list[Decision]:
    """`pause ACTIVITY [field=value ...]`."""
    request = PauseActivityRequest(identity=OPERATOR)
    _name(request, words[0])
    set_fields(request, words[1:])
    return [decide_pause(run.state, request, run.context)]


def tell_unpause(run: StoryRun, words: list[str]) -> list[Decision]:
    """`unpause ACTIVITY [field=value ...]`."""
    request = UnpauseActivityRequest(identity=OPERATOR)
    _name(request, words[0])
    set_fields(request, words[1:])
    return [decide_unpause(run.state, request, run.context)]


def tell_reset(run: StoryRun, words: list[str]) -> list[Decision]:
    """`reset-activity ACTIVITY [field=value ...]`."""
    request = ResetActivityRequest(identity=OPERATOR)
    _name(request, words[0])
    set_fields(request, words[1:])
    return [decide_reset(run.state, request, run.context)]


def tell_options(run: StoryRun, words: list[str]) -> list[Decision]:
    """`options ACTIVITY [mask=a,b] [restore] [field=value ...]`."""
    request = UpdateActivityOptionsRequest(identity=OPERATOR)
    _name(request, words[0])
    rest = _mask(request, words[1:])
    if rest == ["restore"]:
        request.restore_original = True
    else:
        request.activity_options.SetInParent()
        set_fields(request.activity_options, rest)
    return [decide_update_activity(run.state, request, run.context)]


def tell_workflow_options(run: StoryRun, words: list[str]) -> list[Decision]:
    """`workflow-options mask=a,b [field=value ...]`."""
    request = UpdateWorkflowExecutionOptionsRequest(identity=OPERATOR)
    request.workflow_execution_options.SetInParent()
    set_fields(request.workflow_execution_options, _mask(request, words))
    return [decide_update_options(run.state, request, run.context)]


def _name(request: Any, word: str) -> None:
    if word.startswith("type:"):
        request.type = word.removeprefix("type:")
    else:
        request.id = word


def _mask(request: Any, words: list[str]) -> list[str]:
    for word in words:
        if word.startswith("mask="):
            request.update_mask.paths.extend(word.removeprefix("mask=").split(","))
    return [word for word in words if not word.startswith("mask=")]


VERBS: dict[str, Callable[[StoryRun, list[str]], list[Decision]]] = {
    "pause": tell_pause,
    "unpause": tell_unpause,
    "reset-activity": tell_reset,
    "options": tell_options,
    "workflow-options": tell_workflow_options,
}

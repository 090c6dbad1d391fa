"""What operators do to pending activities and to a run's options.

Each call names its run and is decided by core against the state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_ops import decide_pause, decide_reset, decide_unpause
from polyrhythm.core.decide.activity_update import decide_update_activity
from polyrhythm.core.decide.workflow_options import decide_update_options
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk

_Decide = Callable[[RunState, Any, Context], Decision]


def pause_activity(desk: Desk, call: Call) -> None:
    """Hand a pending activity out no more."""
    _decide(desk, call, call.request.execution, decide_pause)


def unpause_activity(desk: Desk, call: Call) -> None:
    """Let a paused activity go on."""
    _decide(desk, call, call.request.execution, decide_unpause)


def reset_activity(desk: Desk, call: Call) -> None:
    """Let an activity begin again."""
    _decide(desk, call, call.request.execution, decide_reset)


def update_activity_options(desk: Desk, call: Call) -> None:
    """Change a pending activity's options."""
    _decide(desk, call, call.request.execution, decide_update_activity)


def update_workflow_options(desk: Desk, call: Call) -> None:
    """Change an open run's options."""
    _decide(desk, call, call.request.workflow_execution, decide_update_options)


def _decide(desk: Desk, call: Call, execution: WorkflowExecution, decide: _Decide) -> None:
    run = desk.turn.find(call.namespace.key, execution)
    decision = decide(run.state, call.request, desk.context(call.namespace))
    desk.turn.stage(run, decision)
    desk.turn.answer(call.reply, decision.reply)

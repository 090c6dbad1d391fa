"""The durable run that delivers an alert, and its one task: one attempt series a channel.

An application has them as soon as it declares an alert. The task looks the addresses up in the
program, so a corrected address counts for alerts that are already on their way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from polyrhythm.sdk.alerts.alert import Alert, AlertFacts
from polyrhythm.sdk.alerts.channels import deliver
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.declare.verbs import define_task, define_workflow
from polyrhythm.sdk.errors import Permanent
from polyrhythm.sdk.retry import Retry

ALERT_WORKFLOW = "polyrhythm.alert"
ALERT_TASK = "polyrhythm.alert.deliver"
RETRY = Retry(initial="1s", maximum="5m", jitter=0.2)


def has_alerts(registry: Registry) -> bool:
    """Whether a task or a workflow of the application tells somebody when it fails."""
    alerts = [one.options.alert for one in registry.tasks.values()]
    alerts += [one.options.alert for one in registry.workflows.values()]
    return any(alert is not None for alert in alerts)


def find_alert(registry: Registry, kind: str, name: str) -> Alert | None:
    """Return the alert of a task or a workflow."""
    if kind == "task":
        task = registry.tasks.get(name)
        return task.options.alert if task is not None else None
    workflow = registry.workflows.get(name)
    return workflow.options.alert if workflow is not None else None


def add_courier(registry: Registry) -> None:
    """Declare what delivers alerts, if there are any and it is not there yet."""
    if not has_alerts(registry) or ALERT_WORKFLOW in registry.workflows:
        return

    def deliver_one(channel: str, facts: AlertFacts) -> None:
        alert = find_alert(registry, facts.kind, facts.name)
        if alert is None:
            raise Permanent(f"{facts.kind} {facts.name!r} has no alert any more", type="AlertGone")
        deliver(alert, channel, facts)

    send: Task[[str, AlertFacts], None, None] = Task(
        define_task(
            deliver_one, {"name": ALERT_TASK, "retry": RETRY, "timeout": "15s", "deadline": "1d"}
        )
    )
    registry.add_task(send.definition)
    registry.add_workflow(define_workflow(_tell_all(send), {"name": ALERT_WORKFLOW}))


def _tell_all(send: Task[[str, AlertFacts], None, None]) -> Callable[..., object]:
    async def alert(facts: AlertFacts) -> None:
        """Deliver an alert by all its channels; one that fails does not keep the others."""
        told = [send(channel, facts) for channel in facts.channels]
        for outcome in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    return alert

"""Whether a node is tried again, and when: the order and the messages are Argo's.

First success, then shutdown, the times of the backoff, the policy, the limit, the expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from polyrhythm.base.limits import DAY_NS, SECOND_NS
from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate
from polyrhythm.dialects.argo.walk.durations import parse_duration, spell_wait
from polyrhythm.dialects.argo.walk.nodes import ERROR, FAILED, SUCCEEDED, Node, Tree

if TYPE_CHECKING:
    from polyrhythm.dialects.argo.walk.walk import Walk

WAIT_S_MAX = 100 * 365 * DAY_NS / SECOND_NS
# Beyond this any factor has passed the longest wait, and a float could overflow.
FACTOR_POWER_MAX = 30
TRANSIENT = re.compile(
    r"exceeded quota|timed? ?out|timeout|connection (?:refused|reset)|too many requests"
    r"|etcdserver|TLS handshake|transient|temporar",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Attempts:
    """The attempts of one node so far. `deadline` ends those to come."""

    walk: Walk
    parent: Node
    strategy: Tree
    nodes: list[Node] = field(default_factory=list)
    deadline: datetime | None = None


@dataclass(slots=True)
class Verdict:
    """What follows an attempt: the end of the node in `phase`, or another after `wait_s`."""

    phase: str = ""
    message: str = ""
    wait_s: float = 0.0


def attempt_values(attempts: Attempts) -> dict[str, str]:
    """What the template of the next attempt may name."""
    values = {"retries": str(len(attempts.nodes))}
    last = attempts.nodes[-1] if attempts.nodes else None
    outputs = (last.outputs or {}) if last else {}
    values["lastRetry.exitCode"] = str(outputs.get("exitCode") or "0")
    values["lastRetry.status"] = last.phase if last else ""
    values["lastRetry.duration"] = f"{last.seconds:g}" if last else "0"
    values["lastRetry.message"] = last.message if last else ""
    return values


def decide_retry(attempts: Attempts) -> Verdict:
    """What follows the last attempt. Raises ExpressionError for a strategy that cannot be read."""
    walk, strategy = attempts.walk, attempts.strategy
    last = attempts.nodes[-1]
    if not last.bad and not (last.daemoned and last.phase == SUCCEEDED):
        return Verdict(last.phase if last.daemoned else SUCCEEDED, "")
    if walk.control.shutdown:
        return Verdict(last.phase, f"Stopped with strategy '{walk.control.shutdown}'")
    if walk.control.late:
        return Verdict(last.phase, f"retry exceeded workflow deadline {walk.deadline}")
    wait = Verdict()
    if strategy.get("backoff"):
        wait = _decide_backoff(attempts, strategy["backoff"])
        if wait.phase:
            return wait
    ended = _decide_end(attempts, last)
    return ended or wait


def _decide_backoff(attempts: Attempts, backoff: Tree) -> Verdict:
    now, last = attempts.walk.now(), attempts.nodes[-1]
    first = attempts.nodes[0].started or now
    if backoff.get("maxDuration"):
        attempts.deadline = first + timedelta(seconds=parse_duration(backoff["maxDuration"]))
        if now > attempts.deadline:
            return Verdict(last.phase, "Max duration limit exceeded")
    if not backoff.get("duration"):
        raise ExpressionError("no base duration specified for retryStrategy")
    wait_s = parse_duration(backoff["duration"])
    factor = _number(backoff.get("factor"))
    if factor is not None and factor > 0:
        wait_s *= float(factor) ** min(len(attempts.nodes) - 1, FACTOR_POWER_MAX)
    if backoff.get("cap"):
        wait_s = min(wait_s, parse_duration(backoff["cap"]))
    wait_s = min(wait_s, WAIT_S_MAX)
    due = (last.finished or now) + timedelta(seconds=wait_s)
    if attempts.deadline is not None and due > attempts.deadline:
        return Verdict(last.phase, "Backoff would exceed max duration limit")
    left = (due - now).total_seconds()
    return Verdict(wait_s=max(left, 0.0), message=f"Backoff for {spell_wait(wait_s)}")


def _decide_end(attempts: Attempts, last: Node) -> Verdict | None:
    strategy = attempts.strategy
    on_failed, on_error = _policy(strategy, last)
    failed = last.phase == FAILED or (last.daemoned and last.phase == SUCCEEDED)
    if (failed and not on_failed) or (last.phase == ERROR and not on_error):
        return Verdict(last.phase, last.message)
    limit = _number(strategy.get("limit"))
    if limit is not None and len(attempts.nodes) > limit:
        return Verdict(last.phase, "No more retries left")
    expression = strategy.get("expression")
    if expression:
        values = attempt_values(attempts)
        values["retries"] = str(len(attempts.nodes) - 1)
        exit_code = (last.outputs or {}).get("exitCode")
        values["lastRetry.exitCode"] = "-1" if exit_code is None else str(exit_code)
        again = evaluate(expression, values)
        if not isinstance(again, bool):
            raise ExpressionError(f"unable to evaluate expression '{expression}' to a bool")
        if not again:
            return Verdict(last.phase, "retryStrategy.expression evaluated to false")
    return None


def _policy(strategy: Tree, last: Node) -> tuple[bool, bool]:
    """Whether failures and errors are tried again."""
    default = "Always" if strategy.get("expression") else "OnFailure"
    policy = str(strategy.get("retryPolicy") or default)
    if policy == "OnTransientError":
        transient = TRANSIENT.search(last.message) is not None
        return transient, transient
    known = {"Always": (True, True), "OnError": (False, True), "OnFailure": (True, False)}
    if policy not in known:
        raise ExpressionError(f"{policy} is not a valid RetryPolicy")
    return known[policy]


def _number(value: object) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise ExpressionError(f"{value!r} is not a whole number") from None

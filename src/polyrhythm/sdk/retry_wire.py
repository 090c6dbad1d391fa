"""A retry strategy on its way from the workflow that calls a task to the worker that runs it.

The service's policy says what it can; where a strategy says more (jitter, Fibonacci, by error,
tokens) it travels whole in a header of the task, so that the caller's word counts and not what the
worker's copy of the code says. Error types travel by their names. A worker of another SDK does not
know the header and follows the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio.api.common.v1 import Payload

from polyrhythm.base.durations import parse_span
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.definitions import TaskOptions
from polyrhythm.sdk.retry import (
    ByError,
    ErrorType,
    Fibonacci,
    Fixed,
    Retry,
    Strategy,
    TokenBucket,
)
from polyrhythm.sdk.values import Converter

RETRY_HEADER = "polyrhythm-retry"
KINDS: dict[str, Any] = {"exponential": Retry, "fixed": Fixed, "fibonacci": Fibonacci}
SPANS = frozenset(("initial", "maximum", "interval", "unit"))
NAMES = {kind: name for name, kind in KINDS.items()}


def is_plain(strategy: Strategy | None) -> bool:
    """True when a service's own policy says all of it."""
    if isinstance(strategy, Retry | Fixed):
        return not strategy.jitter and not strategy.final
    return strategy is None


def put_strategy(fields: Any, strategy: Strategy | None, converter: Converter) -> None:
    """Add a strategy to the fields of a header, where the policy does not say it all."""
    if not is_plain(strategy):
        fields[RETRY_HEADER].CopyFrom(converter.encode(pack(strategy)))


def put_priority(target: Any, options: TaskOptions) -> None:
    """Write a task's place in its queue, where it has one: priority, fairness key and weight."""
    if options.priority:
        target.priority.priority_key = options.priority
    if options.fairness_key:
        target.priority.fairness_key = options.fairness_key
    if options.fairness_weight:
        target.priority.fairness_weight = options.fairness_weight


def read_strategy(fields: Mapping[str, Payload], converter: Converter) -> Strategy | None:
    """Return the strategy that a header carries; None when the policy alone counts."""
    if RETRY_HEADER not in fields:
        return None
    try:
        return unpack(converter.decode(fields[RETRY_HEADER]))
    except (PolyrhythmError, LookupError, TypeError, ValueError, AttributeError):
        # Another release's, or not ours: the policy is what there is.
        return None


def pack(strategy: Strategy | None) -> dict[str, Any] | None:
    """Return a strategy as plain values."""
    if isinstance(strategy, ByError):
        members = [[_name(kind), pack(member)] for kind, member in strategy.strategies.items()]
        return {"kind": "by_error", "members": members, "otherwise": pack(strategy.otherwise)}
    if isinstance(strategy, TokenBucket):
        return {
            "kind": "token_bucket",
            "key": strategy.key,
            "rate": strategy.rate,
            "burst": strategy.burst,
            "inner": pack(strategy.inner),
        }
    if strategy is None:
        return None
    values = {name: getattr(strategy, name) for name in type(strategy).__slots__}
    for name in SPANS & values.keys():
        values[name] = parse_span(values[name])
    values["final"] = [_name(kind) for kind in strategy.final]
    return {"kind": NAMES[type(strategy)], **values}


def unpack(parts: dict[str, Any] | None) -> Strategy | None:
    """Return the strategy of plain values. Raises LookupError, TypeError, InvalidArgument."""
    if parts is None:
        return None
    kind, values = parts["kind"], {k: v for k, v in parts.items() if k != "kind"}
    if kind == "by_error":
        members: dict[ErrorType, Strategy | None] = {n: unpack(m) for n, m in values["members"]}
        return ByError(members, unpack(values["otherwise"]))
    if kind == "token_bucket":
        inner = unpack(values.pop("inner")) or Retry()
        return TokenBucket(**values, inner=inner)
    values["final"] = tuple(values["final"])
    strategy: Strategy = KINDS[kind](**values)
    return strategy


def _name(kind: ErrorType) -> str:
    return kind if isinstance(kind, str) else kind.__name__

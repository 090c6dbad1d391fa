"""Temporal's dynamic configuration keys that mean something here.

`--dynamic-config-value key=value` sets a limit of the engine or a setting of the wire by the name
it has in a Temporal server. Keys nobody here knows are returned, to be logged: a script written for
that server must not fail for one. Keys are compared without regard to case, as there; values are
JSON, or Go durations such as 10s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.transports.grpc import GrpcSettings

# Temporal's key -> field of Limits.
LIMIT_KEYS = {
    "limit.maxIDLength": "id_bytes_max",
    "limit.blobSize.error": "blob_bytes_max",
    "limit.memoSize.error": "memo_bytes_max",
    "limit.mutableStateActivityFailureSize.error": "failure_bytes_max",
    "limit.userMetadataSummarySize": "summary_bytes_max",
    "limit.userMetadataDetailsSize": "details_bytes_max",
    "limit.historyCount.suggestContinueAsNew": "history_events_suggest",
    "limit.historySize.suggestContinueAsNew": "history_bytes_suggest",
    "limit.historyCount.error": "history_events_max",
    "limit.historySize.error": "history_bytes_max",
    "limit.numPendingActivities.error": "pending_activities_max",
    "limit.mutableStateSize.error": "state_bytes_max",
    "limit.numPendingChildExecutions.error": "pending_children_max",
    "limit.numPendingSignals.error": "pending_signals_max",
    "limit.numPendingCancelRequests.error": "pending_cancels_max",
    "history.maximumSignalsPerExecution": "signals_max",
    "history.maximumBufferedEventsBatch": "buffered_events_max",
    "history.maximumBufferedEventsSizeInBytes": "buffered_bytes_max",
    "history.defaultWorkflowTaskTimeout": "task_timeout_ns",
    "history.workflowTaskHeartbeatTimeout": "task_heartbeat_total_ns",
    "history.longPollExpirationInterval": "history_poll_ns",
    "history.maxInFlightUpdates": "updates_in_flight_max",
    "history.maxTotalUpdates": "updates_max",
    "history.maxBufferedQueryCount": "buffered_queries_max",
    "history.workflowIdReuseMinimalInterval": "run_interval_ns_min",
    "frontend.MaxConcurrentBatchOperationPerNamespace": "batches_open_max",
    "worker.batcherRPS": "batch_rate_max",
    "matching.longPollExpirationInterval": "task_poll_ns",
}
# Temporal's key -> field of GrpcSettings.
WIRE_KEYS = {
    "frontend.keepAliveMaxConnectionIdle": "connection_idle_s",
    "frontend.keepAliveMaxConnectionAge": "connection_age_s",
    "frontend.keepAliveMaxConnectionAgeGrace": "connection_age_grace_s",
    "frontend.keepAliveTime": "keep_alive_s",
    "frontend.keepAliveTimeout": "keep_alive_timeout_s",
}
UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class BadSettingError(Exception):
    """A setting whose value cannot be meant."""


@dataclass(slots=True)
class Configured:
    """What the values made of the defaults."""

    limits: Limits = field(default_factory=Limits)
    wire: GrpcSettings = field(default_factory=GrpcSettings)
    unknown: list[str] = field(default_factory=list)


def apply_dynamic_config(values: Sequence[str]) -> Configured:
    """Return limits and settings. Raises BadSettingError for a value that makes no sense."""
    configured = Configured()
    limits = {key.lower(): name for key, name in LIMIT_KEYS.items()}
    wire = {key.lower(): name for key, name in WIRE_KEYS.items()}
    for text in values:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise BadSettingError(f"{text!r} is not of the form KEY=VALUE")
        name = key.strip().lower()
        if name in limits:
            _set_limit(configured.limits, limits[name], key, value)
        elif name in wire:
            setattr(configured.wire, wire[name], parse_duration_s(key, value))
        else:
            configured.unknown.append(key)
    return configured


def _set_limit(limits: Limits, name: str, key: str, value: str) -> None:
    if name.endswith(("_ns", "_ns_min")):
        setattr(limits, name, int(parse_duration_s(key, value) * SECOND_NS))
        return
    number = _parse_json(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise BadSettingError(f"{key} is a whole number, not {value!r}")
    setattr(limits, name, number)


def parse_duration_s(key: str, value: str) -> float:
    """Return a Go duration (`1m30s`, quoted or not) in seconds; a bare number is seconds."""
    found = _parse_json(value)
    if isinstance(found, (int, float)) and not isinstance(found, bool) and found >= 0:
        return float(found)
    if isinstance(found, str) and DURATION.fullmatch(found):
        return sum(float(number) * UNITS_S[unit] for number, unit in PART.findall(found))
    raise BadSettingError(f"{key} is a duration such as 10s, not {value!r}")


def _parse_json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value

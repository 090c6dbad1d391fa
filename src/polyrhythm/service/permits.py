"""Permits: rates and limits that make no sense are refused before they reach a bucket.

The rate comes with every call, so it can be changed while workers run: the bucket keeps only how
much was taken.
"""

from __future__ import annotations

import math

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payloads

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import DAY_NS
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service

# Past these a number is a mistake in a unit, and arithmetic on it would leave 63 bits.
SPAN_NS_MAX = 366 * DAY_NS
COUNT_MAX = 1e9
COST_MAX = 1_000_000
LEASES_MAX = 10_000


def handle_reserve(
    service: Service, scope: NamespaceScope, request: api.ReservePermitRequest, deadline_ns: int
) -> Reply:
    """Take tokens. Reply: ReservePermitResponse."""
    _check_key(service, request.key)
    if not (math.isfinite(request.count) and 0 < request.count <= COUNT_MAX):
        raise InvalidArgument(f"count must be more than 0 and at most {COUNT_MAX:.0f}")
    if not 0 < request.per_ns <= SPAN_NS_MAX:
        raise InvalidArgument("per_ns must be more than 0 and at most 366 days")
    if request.per_ns / request.count > SPAN_NS_MAX:
        raise InvalidArgument("one token may take at most 366 days")
    if not 0 < request.burst <= COST_MAX or not 0 <= request.cost <= COST_MAX:
        raise InvalidArgument(f"burst must be 1 to {COST_MAX}, cost 0 to {COST_MAX}")
    return service.submit(scope, request, deadline_ns)


def handle_acquire(
    service: Service, scope: NamespaceScope, request: api.AcquireLeaseRequest, deadline_ns: int
) -> Reply:
    """Take a lease. Reply: AcquireLeaseResponse."""
    _check_key(service, request.key)
    _check_holder(service, request.holder)
    if not 0 < request.limit <= LEASES_MAX:
        raise InvalidArgument(f"limit must be 1 to {LEASES_MAX}")
    if not 0 < request.ttl_ns <= SPAN_NS_MAX:
        raise InvalidArgument("ttl_ns must be more than 0 and at most 366 days")
    return service.submit(scope, request, deadline_ns)


def handle_release(
    service: Service, scope: NamespaceScope, request: api.ReleaseLeaseRequest, deadline_ns: int
) -> Reply:
    """Give a lease back. Reply: ReleaseLeaseResponse."""
    _check_key(service, request.key)
    _check_holder(service, request.holder)
    return service.submit(scope, request, deadline_ns)


def handle_postpone(
    service: Service,
    scope: NamespaceScope,
    request: api.PostponeActivityTaskRequest,
    deadline_ns: int,
) -> Reply:
    """Take an attempt back that waits for a permit. Reply: PostponeActivityTaskResponse."""
    if not 0 < request.delay_ns <= SPAN_NS_MAX:
        raise InvalidArgument("delay_ns must be more than 0 and at most 366 days")
    if len(request.details) > service.limits.blob_bytes_max:
        raise InvalidArgument(f"details have at most {service.limits.blob_bytes_max} bytes")
    try:
        Payloads.FromString(request.details)
    except DecodeError:
        raise InvalidArgument("details are not Payloads") from None
    return service.submit(scope, request, deadline_ns)


def _check_key(service: Service, key: str) -> None:
    if not key or len(key.encode()) > service.limits.id_bytes_max:
        raise InvalidArgument(f"a permit's key has 1 to {service.limits.id_bytes_max} bytes")


def _check_holder(service: Service, holder: str) -> None:
    if not holder or len(holder.encode()) > service.limits.id_bytes_max:
        raise InvalidArgument(f"a holder has 1 to {service.limits.id_bytes_max} bytes")

"""Permits shared by all workers: token buckets by the generic cell rate algorithm, and leases.

A bucket is one number, the time at which it is full again: taking tokens moves it on, and how far
it lies beyond the burst is how long to wait. So a reservation is granted at once with a delay, in
order, and survives restarts. A lease is one of a limited number of places with an end of its own:
a holder that dies gives it back by letting it run out.
"""

from __future__ import annotations

from polyrhythm.api import service as api
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.stores.port import ObjectKind

BUCKET, LEASES = "bucket/", "leases/"


def reserve_permit(desk: Desk, call: Call) -> None:
    """Take tokens, on credit if need be."""
    request: api.ReservePermitRequest = call.request
    name = BUCKET + request.key
    body = desk.turn.read_object(call.namespace.key, ObjectKind.PERMIT, name)
    bucket = api.Bucket.FromString(body) if body else api.Bucket()
    now_ns, token_ns = desk.now_ns, request.per_ns / request.count
    # A bucket never holds more than it can: a burst that was larger before does not count now.
    full_ns = max(bucket.full_ns, now_ns)
    bucket.full_ns = full_ns + round(token_ns * (request.cost or 1))
    delay_ns = bucket.full_ns - now_ns - round(token_ns * request.burst)
    desk.turn.write_object(call.namespace.key, ObjectKind.PERMIT, name, bucket.SerializeToString())
    desk.turn.answer(call.reply, api.ReservePermitResponse(delay_ns=max(delay_ns, 0)))


def acquire_lease(desk: Desk, call: Call) -> None:
    """Take a place, or say when one may come free."""
    request: api.AcquireLeaseRequest = call.request
    leases = _current(desk, call)
    answer = api.AcquireLeaseResponse()
    others = [end_ns for holder, end_ns in leases.holders.items() if holder != request.holder]
    if len(others) < request.limit:
        answer.granted = True
        leases.holders[request.holder] = desk.now_ns + request.ttl_ns
        _write(desk, call, leases)
    else:
        answer.retry_after_ns = min(others) - desk.now_ns
    desk.turn.answer(call.reply, answer)


def release_lease(desk: Desk, call: Call) -> None:
    """Give a place back; one that is not held is no error."""
    leases = _current(desk, call)
    if call.request.holder in leases.holders:
        del leases.holders[call.request.holder]
        _write(desk, call, leases)
    desk.turn.answer(call.reply, api.ReleaseLeaseResponse())


def _current(desk: Desk, call: Call) -> api.Leases:
    """The leases that have not run out."""
    name = LEASES + call.request.key
    body = desk.turn.read_object(call.namespace.key, ObjectKind.PERMIT, name)
    leases = api.Leases.FromString(body) if body else api.Leases()
    for holder, end_ns in list(leases.holders.items()):
        if end_ns <= desk.now_ns:
            del leases.holders[holder]
    return leases


def _write(desk: Desk, call: Call, leases: api.Leases) -> None:
    body = leases.SerializeToString(deterministic=True) if leases.holders else None
    name = LEASES + call.request.key
    desk.turn.write_object(call.namespace.key, ObjectKind.PERMIT, name, body)

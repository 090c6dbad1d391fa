"""Connects an application to a service on another machine, and says clearly when it cannot.

The namespace is asked for before anything else: an address where nobody answers, a wrong key and a
namespace that is not there are found out here and not in a worker's log.
"""

from __future__ import annotations

import asyncio
import importlib

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from polyrhythm.api.service import ListProjectionsRequest
from polyrhythm.app.settings import AppPlan
from polyrhythm.base.errors import (
    DeadlineExceeded,
    NamespaceNotFound,
    NotFound,
    PermissionDenied,
    Unavailable,
    Unimplemented,
)
from polyrhythm.links.grpc import GrpcLink
from polyrhythm.sdk.link import OWN_SERVICE, WORKFLOW_SERVICE, Link

# A service that is just being started beside this program gets this long.
PATIENCE_S = 10.0
CALL_S = 3.0
PAUSE_S = 0.2


async def connect(plan: AppPlan) -> Link:
    """Return a link that answers. Raises Unavailable, NotFound or PermissionDenied with advice."""
    home = plan.home
    kind = GrpcLink
    if home.scheme == "temporal":
        # Loaded on demand: the client library's core takes 0.1 s and 6 MB.
        kind = importlib.import_module("polyrhythm.links.temporal").TemporalLink
    link: Link = kind(home.address, plan.connection)
    sound = False
    try:
        await _ask(link, plan)
        await _learn_traits(link, plan)
        sound = True
    finally:
        if not sound:
            await link.close()
    return link


async def _learn_traits(link: Link, plan: AppPlan) -> None:
    """Find out whether the service has what only Polyrhythm's have: poly:// reaches others too."""
    if not link.traits.notes:
        return
    request = ListProjectionsRequest(namespace=plan.namespace)
    try:
        await link.call(OWN_SERVICE + "ListProjections", request, CALL_S)
    except Unimplemented:
        link.traits.permits = link.traits.notes = False


async def _ask(link: Link, plan: AppPlan) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    address, namespace = plan.home.address, plan.namespace
    while True:
        request = DescribeNamespaceRequest(namespace=namespace)
        try:
            await link.call(WORKFLOW_SERVICE + "DescribeNamespace", request, CALL_S)
        except (Unavailable, DeadlineExceeded) as error:
            if loop.time() > until:
                raise Unavailable(
                    f"no service answers at {address} ({error}): is it running? `poly dev --port "
                    f"{address.rpartition(':')[2]}` starts one; a service behind TLS wants tls=True"
                ) from error
            await asyncio.sleep(PAUSE_S)
        except (NamespaceNotFound, NotFound) as error:
            raise NotFound(
                f"the service at {address} has no namespace {namespace!r}: register it (`poly dev "
                f"--namespace {namespace}`, or `temporal operator namespace create -n {namespace}`)"
            ) from error
        except PermissionDenied as error:
            raise PermissionDenied(
                f"the service at {address} refuses this program: {error}. Is api_key= or the "
                "certificate in tls= the right one?"
            ) from error
        else:
            return

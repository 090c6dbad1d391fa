"""Worker deployments: names that cannot be are refused, and older spellings are made one.

A version is named by deployment and build id, or by one text in the words of an older release;
behind this file the requests that change a routing carry that text, and all others the two parts.
Source: the frontend handlers and the worker deployment client of the server.
"""

from __future__ import annotations

from typing import Any

import temporalio.api.workflowservice.v1 as ws

from polyrhythm.base.errors import InvalidArgument, Unimplemented
from polyrhythm.core.versions import fill_version, parse_old, spell_old, version_of
from polyrhythm.engine.reply import Reply
from polyrhythm.service.queue_names import check_version_part
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.visibility import PAGE_RUNS_MAX

_UNVERSIONED = "__unversioned__"


def handle_describe(
    service: Service,
    scope: NamespaceScope,
    request: ws.DescribeWorkerDeploymentRequest,
    deadline_ns: int,
) -> Reply:
    """Describe a deployment. Reply: DescribeWorkerDeploymentResponse."""
    _check_name(service, request.deployment_name)
    return service.submit(scope, request, deadline_ns)


def handle_list(
    service: Service,
    scope: NamespaceScope,
    request: ws.ListWorkerDeploymentsRequest,
    deadline_ns: int,
) -> Reply:
    """List deployments. Reply: ListWorkerDeploymentsResponse."""
    if not 0 < request.page_size <= PAGE_RUNS_MAX:
        request.page_size = PAGE_RUNS_MAX
    if len(request.next_page_token) not in (0, 4):
        raise InvalidArgument("Invalid NextPageToken.")
    return service.submit(scope, request, deadline_ns)


def handle_describe_version(
    service: Service,
    scope: NamespaceScope,
    request: ws.DescribeWorkerDeploymentVersionRequest,
    deadline_ns: int,
) -> Reply:
    """Describe one version. Reply: DescribeWorkerDeploymentVersionResponse."""
    if not request.version and not request.HasField("deployment_version"):
        raise InvalidArgument("deployment version cannot be empty")
    _unify(request)
    _check_version(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_set_current(
    service: Service,
    scope: NamespaceScope,
    request: ws.SetWorkerDeploymentCurrentVersionRequest,
    deadline_ns: int,
) -> Reply:
    """Make a version current. Reply: SetWorkerDeploymentCurrentVersionResponse."""
    if not request.deployment_name:
        raise InvalidArgument("deployment name cannot be empty")
    if not request.version:
        named = bool(request.build_id)
        version = (request.deployment_name, request.build_id) if named else None
        request.version = spell_old(version)
    _check_routed(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_set_ramping(
    service: Service,
    scope: NamespaceScope,
    request: ws.SetWorkerDeploymentRampingVersionRequest,
    deadline_ns: int,
) -> Reply:
    """Ramp a version. Reply: SetWorkerDeploymentRampingVersionResponse."""
    if not request.version:
        if request.build_id:
            request.version = spell_old((request.deployment_name, request.build_id))
        elif request.percentage > 0:
            request.version = _UNVERSIONED
    if request.version == _UNVERSIONED and not request.percentage and not request.build_id:
        request.version = ""
    if not 0 <= request.percentage <= 100:
        raise InvalidArgument("Percentage must be between 0 and 100 (inclusive)")
    _check_routed(service, request)
    return service.submit(scope, request, deadline_ns)


def handle_set_manager(
    service: Service,
    scope: NamespaceScope,
    request: ws.SetWorkerDeploymentManagerRequest,
    deadline_ns: int,
) -> Reply:
    """Set who may change a deployment. Reply: SetWorkerDeploymentManagerResponse."""
    if not request.identity:
        raise InvalidArgument("Identity is required")
    _check_name(service, request.deployment_name)
    return service.submit(scope, request, deadline_ns)


def handle_update_metadata(
    service: Service,
    scope: NamespaceScope,
    request: ws.UpdateWorkerDeploymentVersionMetadataRequest,
    deadline_ns: int,
) -> Reply:
    """Change a version's metadata. Reply: UpdateWorkerDeploymentVersionMetadataResponse."""
    if not request.upsert_entries and not request.remove_entries:
        raise InvalidArgument("At least one of remove_entries or upsert_entries must be provided")
    if not request.HasField("deployment_version"):
        _unify(request)
    return service.submit(scope, request, deadline_ns)


def handle_delete_version(
    service: Service,
    scope: NamespaceScope,
    request: ws.DeleteWorkerDeploymentVersionRequest,
    deadline_ns: int,
) -> Reply:
    """Delete a version. Reply: DeleteWorkerDeploymentVersionResponse."""
    _unify(request)
    _check_name(service, request.deployment_version.deployment_name)
    return service.submit(scope, request, deadline_ns)


def handle_delete(
    service: Service,
    scope: NamespaceScope,
    request: ws.DeleteWorkerDeploymentRequest,
    deadline_ns: int,
) -> Reply:
    """Delete a deployment. Reply: DeleteWorkerDeploymentResponse."""
    _check_name(service, request.deployment_name)
    return service.submit(scope, request, deadline_ns)


def handle_create(
    service: Service,
    scope: NamespaceScope,
    request: ws.CreateWorkerDeploymentRequest,
    deadline_ns: int,
) -> Reply:
    """Create a deployment. Reply: CreateWorkerDeploymentResponse."""
    if not request.deployment_name:
        raise InvalidArgument("deployment name cannot be empty")
    _check_name(service, request.deployment_name)
    request.request_id = request.request_id or service.ids.run_id()
    return service.submit(scope, request, deadline_ns)


def handle_create_version(
    service: Service,
    scope: NamespaceScope,
    request: ws.CreateWorkerDeploymentVersionRequest,
    deadline_ns: int,
) -> Reply:
    """Create a version. Reply: CreateWorkerDeploymentVersionResponse."""
    if not request.deployment_version.deployment_name:
        raise InvalidArgument("deployment name cannot be empty")
    if not request.deployment_version.build_id:
        raise InvalidArgument("build ID cannot be empty")
    _check_version(service, request)
    if request.HasField("compute_config"):
        raise Unimplemented("compute_config is not implemented")
    request.request_id = request.request_id or service.ids.run_id()
    return service.submit(scope, request, deadline_ns)


def _check_name(service: Service, name: str) -> None:
    check_version_part("WorkerDeploymentName", name, service.limits)


def _check_version(service: Service, request: Any) -> None:
    _check_name(service, request.deployment_version.deployment_name)
    check_version_part("BuildID", request.deployment_version.build_id, service.limits)


def _unify(request: Any) -> None:
    # The two parts go before the one text where a request has both.
    text = request.version
    if request.HasField("deployment_version"):
        text = text or spell_old(version_of(request.deployment_version))
    try:
        version = parse_old(text)
    except ValueError:
        raise InvalidArgument(
            f'invalid version string "{text}", expected format is "<deployment_name>.<build_id>"'
        ) from None
    fill_version(request.deployment_version, version or ("", ""))


def _check_routed(service: Service, request: Any) -> None:
    if request.version:
        try:
            version = parse_old(request.version)
        except ValueError as problem:
            raise InvalidArgument(f"invalid version string: {problem}") from None
        if version is not None and version[0] != request.deployment_name:
            raise InvalidArgument(
                f"invalid version string '{request.version}' does not match deployment name"
                f" '{request.deployment_name}'"
            )
    _check_name(service, request.deployment_name)
    if request.allow_no_pollers and request.version not in ("", _UNVERSIONED):
        parsed = parse_old(request.version)
        assert parsed is not None
        check_version_part("BuildID", parsed[1], service.limits)
        request.version = spell_old(parsed)

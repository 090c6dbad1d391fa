"""Worker deployments in memory: which version gets the tasks of which run at which queue.

Deployments are objects of the store, read once a namespace when somebody asks and written only
when one of them changes; a namespace without any costs one look-up. Where a task goes follows
from the routing of all deployments that have workers at its queue: the newest word holds.
Source: CalculateTaskQueueVersioningInfo and FindTargetDeploymentVersion of the server; its ramp
is by a hash of the workflow id too, though by another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentVersion

from polyrhythm.core.deployments import Deployment, decode_deployment
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import Version
from polyrhythm.core.versions import split_queue, version_of
from polyrhythm.engine.matching import QueueKind
from polyrhythm.stores.port import ObjectKind, Store

_WORKFLOW, _ACTIVITY = int(QueueKind.WORKFLOW), int(QueueKind.ACTIVITY)
_PAGE = 200


@dataclass(slots=True)
class Route:
    """Where tasks of one queue go. None is the workers without a version."""

    current: Version | None = None
    current_revision: int = 0
    current_ns: int = 0
    ramping: Version | None = None
    ramping_revision: int = 0
    ramping_ns: int = 0
    percentage: float = 0.0

    def pick(self, workflow_id: str, ramped: bool = False) -> tuple[Version | None, int]:
        """Return the version for a workflow, with the revision of the routing that says so;
        `ramped`: it has asked for the ramping one."""
        if ramped and self.ramping is not None:
            return self.ramping, self.ramping_revision
        if self.percentage <= 0:
            return self.current, self.current_revision
        if self.percentage == 100 or _threshold(workflow_id) <= self.percentage:
            return self.ramping, self.ramping_revision
        return self.current, self.current_revision


@dataclass(slots=True)
class Space:
    """The deployments of one namespace. `members` are the queues at which a version takes
    workflow tasks; `strays` the versions that pinned runs have activities for at a queue where
    that version has no worker."""

    deployments: dict[str, Deployment] = field(default_factory=dict)
    members: set[tuple[Version, str]] = field(default_factory=set)
    activity_members: set[tuple[Version, str]] = field(default_factory=set)
    strays: dict[str, set[Version]] = field(default_factory=dict)
    _routes: dict[tuple[str, int], Route] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether no worker of the namespace has ever named a version."""
        return not self.deployments

    def has(self, version: Version, queue: str, kind: int) -> bool:
        """Whether a version has had a worker at a queue."""
        members = self.members if kind == _WORKFLOW else self.activity_members
        return (version, queue) in members

    def route(self, queue: str, kind: int) -> Route:
        """Return where the tasks of a queue go."""
        found = self._routes.get((queue, kind))
        if found is None:
            found = self._routes[queue, kind] = self._find_route(queue, kind)
        return found

    def versions_at(self, queue: str, kind: int) -> list[Version]:
        """Return the versions that have had a worker at a queue."""
        members = self.members if kind == _WORKFLOW else self.activity_members
        return [version for version, name in members if name == queue]

    def put(self, deployment: Deployment) -> None:
        """Take a deployment in, or as it is now."""
        self.deployments[deployment.info.name] = deployment
        self._index()

    def drop(self, name: str) -> None:
        """Forget a deployment."""
        self.deployments.pop(name, None)
        self._index()

    def _index(self) -> None:
        self._routes.clear()
        self.members.clear()
        self.activity_members.clear()
        for deployment in self.deployments.values():
            for info in deployment.versions.values():
                version = version_of(info.deployment_version)
                for queue in info.task_queue_infos:
                    workflow = queue.type == _WORKFLOW
                    members = self.members if workflow else self.activity_members
                    members.add((version, queue.name))

    def _find_route(self, queue: str, kind: int) -> Route:
        route = Route()
        at_queue = set(self.versions_at(queue, kind))
        routings = [self.deployments[name].routing for name in {version[0] for version in at_queue}]
        chosen = _newest(routings, "current", "current_version_changed_time", at_queue)
        if chosen is not None:
            route.current = _named(chosen, "current_deployment_version")
            route.current_revision = chosen.revision_number
            route.current_ns = span_ns(chosen.current_version_changed_time)
        changed = "ramping_version_percentage_changed_time"
        chosen = _newest(routings, "ramping", changed, at_queue)
        if chosen is not None:
            route.ramping = _named(chosen, "ramping_deployment_version")
            route.ramping_revision = chosen.revision_number
            route.ramping_ns = span_ns(chosen.ramping_version_percentage_changed_time)
            route.percentage = chosen.ramping_version_percentage
        return route


class Deployments:
    """The deployments of all namespaces of a lane."""

    __slots__ = ("_spaces", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spaces: dict[int, Space] = {}

    def space(self, namespace_key: int) -> Space:
        """Return a namespace's deployments."""
        found = self._spaces.get(namespace_key)
        if found is None:
            found = self._spaces[namespace_key] = self._load(namespace_key)
        return found

    def forget(self) -> None:
        """Read everything again: a commit has failed."""
        self._spaces.clear()

    def _load(self, namespace_key: int) -> Space:
        space, after = Space(), ""
        while True:
            rows = self._store.list_objects(namespace_key, ObjectKind.DEPLOYMENT, after, _PAGE)
            for row in rows:
                if row.body is not None:
                    space.put(decode_deployment(row.body))
            if len(rows) < _PAGE:
                break
            after = rows[-1].name
        if not space.is_plain:
            self._find_strays(namespace_key, space)
        return space

    def _find_strays(self, namespace_key: int, space: Space) -> None:
        for line in self._store.scan_work_queues():
            if line[0] == namespace_key and line[1] == _ACTIVITY:
                queue, version = split_queue(line[2])
                if version is not None:
                    space.strays.setdefault(queue, set()).add(version)


def _newest(
    routings: Iterable[RoutingConfig], word: str, changed: str, at_queue: set[Version]
) -> RoutingConfig | None:
    # What names a version that has workers at the queue goes before what names none.
    best: tuple[bool, int] = (False, 0)
    chosen = None
    for routing in routings:
        at_ns = span_ns(getattr(routing, changed))
        version = _named(routing, f"{word}_deployment_version")
        if not at_ns or (version is not None and version not in at_queue):
            continue
        rank = (version is not None, at_ns)
        if chosen is None or rank > best:
            best, chosen = rank, routing
    return chosen


def _named(routing: RoutingConfig, name: str) -> Version | None:
    if not routing.HasField(name):  # type: ignore[arg-type]
        return None
    version: WorkerDeploymentVersion = getattr(routing, name)
    return version_of(version)


def _threshold(workflow_id: str) -> float:
    digest = blake2b(workflow_id.encode(), digest_size=4).digest()
    return 100.0 * int.from_bytes(digest, "big") / 2**32

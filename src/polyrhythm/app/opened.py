"""An application while it is open: its node or connection, its session, its worker.

Opening waits until calls are answered, so that whatever is wrong is said at once and with what to
do about it. Closing goes the other way round and is bounded: first the worker, then the file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from polyrhythm.app.compose import Place
from polyrhythm.app.crew import Crew
from polyrhythm.app.loops import LoopPortal
from polyrhythm.app.node import UNIX, Node, NodeSettings
from polyrhythm.app.remote import connect
from polyrhythm.app.settings import AppPlan
from polyrhythm.app.socket_path import socket_path
from polyrhythm.app.switch_link import SwitchLink
from polyrhythm.base.errors import StoreError
from polyrhythm.base.limits import BUFFERED_EVENTS_IN_PROCESS_MAX, Limits
from polyrhythm.dialects.canvas import batching, walking
from polyrhythm.dialects.cron import Declared, put_declared
from polyrhythm.sdk.alerts.courier import add_courier
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.guards import guarded, install
from polyrhythm.sdk.link import Link
from polyrhythm.sdk.loop import LoopSettings
from polyrhythm.sdk.projections.keeper import keep_projections
from polyrhythm.sdk.worker import Progress, Worker, WorkerPlan
from polyrhythm.sdk.worker.progress import joined
from polyrhythm.sdk.worker.slots import scale

LOG = logging.getLogger("polyrhythm.app")


class Opened:
    """What an application has while it is open; used on one running loop."""

    def __init__(self, plan: AppPlan, registry: Registry) -> None:
        self._plan = plan
        self._registry = registry
        self._node: Node | None = None
        self._link = SwitchLink("the application is not open yet")
        self._running: list[asyncio.Task[None]] = []
        # One at each queue.
        self._crews: list[Crew] = []
        self.portal = LoopPortal(asyncio.get_running_loop())
        self.session = self._session(self._link)

    async def open(self) -> None:
        """Open the file or the connection, and begin to work."""
        if self._plan.home.address:
            self._link.lead_to(await connect(self._plan))
        else:
            await self._open_file()
        if self._plan.works and (self._registry.tasks or self._registry.workflows):
            self._crews = [Crew(self._worker(queue), self._link) for queue in self._plan.queues]
            for crew in self._crews:
                working = self._start(crew.run())
                at_work = asyncio.ensure_future(crew.at_work.wait())
                await asyncio.wait([working, at_work], return_when=asyncio.FIRST_COMPLETED)
                at_work.cancel()
                if working.done():
                    working.result()
            slots, bounds = self._plan.worker.slots, self._plan.bounds
            if slots is not None and bounds is not None:
                self._start(scale(slots, bounds))
        if self._plan.works and self._registry.projections:
            self._check_projections()
            self._start(keep_projections(self.session, self._registry.projections.values()))

    async def put_jobs(self, jobs: Mapping[str, Declared]) -> None:
        """Tell the service which jobs this program has; raises what it refuses of them."""
        registry, traits = self._registry, self.session.link.traits
        if self._plan.works and (jobs or (traits.notes and (registry.tasks or registry.workflows))):
            await put_declared(self.session, self._plan.name, jobs)

    def _check_projections(self) -> None:
        """Refuse a service that has no log to read. Raises MisuseError."""
        target = self._link.target
        if target is not None and not target.traits.notes:
            names = ", ".join(sorted(self._registry.projections))
            raise MisuseError(
                f"projections ({names}) read the log of a service with notes, which"
                f" {target.traits.name} does not have: use a file or poly://, or leave them out"
            )

    @property
    def progress(self) -> Progress:
        """What the worker has done and is doing."""
        return joined([crew.progress for crew in self._crews])

    @property
    def busy(self) -> bool:
        """Whether a task or workflow code is at work in this process."""
        return any(crew.busy for crew in self._crews)

    async def watch(self, ending: asyncio.Event, told: Callable[[str], None] | None = None) -> None:
        """Wait for the end, or for what makes further work impossible, which is raised."""
        telling = self._start(self._tell(told)) if told is not None else None
        end = asyncio.ensure_future(ending.wait())
        watched = [one for one in self._running if one is not telling]
        try:
            await asyncio.wait([end, *watched], return_when=asyncio.FIRST_COMPLETED)
            for one in watched:
                if one.done():
                    one.result()
        finally:
            end.cancel()

    async def close(self) -> None:
        """Finish what is in hand and let everything go."""
        node_running = self._running[0] if self._node is not None else None
        others = [one for one in self._running if one is not node_running]
        for one in others:
            one.cancel()
        if others:
            await asyncio.wait(others)
        await asyncio.gather(*[crew.stop() for crew in self._crews])
        if self._node is not None and node_running is not None:
            self._node.stop()
            await asyncio.wait([node_running])
            if not node_running.cancelled() and (error := node_running.exception()) is not None:
                LOG.error("the file was not left in order: %s", error)
        else:
            await self._link.close()

    async def _open_file(self) -> None:
        plan = self._plan
        file = plan.home.file
        place = Place(file, plan.durability, UNIX + socket_path(file) if file else "", plan.host)
        names = [] if plan.namespace == "default" else [plan.namespace]
        limits = Limits(buffered_events_max=BUFFERED_EVENTS_IN_PROCESS_MAX)
        node = self._node = Node(NodeSettings("", place, limits, namespaces=names))
        self._link = node.link
        self.session = self._session(node.link)
        running = self._start(node.run())
        ready = asyncio.ensure_future(node.ready.wait())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            try:
                running.result()
            except StoreError as error:
                raise StoreError(f"{file or 'memory'} cannot be used: {error}") from error

    def _session(self, link: Link) -> Session:
        worker = self._plan.worker
        return Session(
            link=link,
            namespace=self._plan.namespace,
            queue=self._plan.queue,
            identity=worker.identity,
            converter=worker.converter,
            codec=worker.codec,
            header=self._plan.header,
            chain=worker.chain,
        )

    def _worker(self, queue: str) -> Worker:
        plan, registry = self._plan, self._registry
        add_courier(registry)
        install()
        loop_settings = LoopSettings(header=plan.header, chain=plan.worker.chain, guard=guarded)
        return Worker(
            self._link,
            WorkerPlan(
                plan.namespace,
                queue,
                batching(registry, plan.worker.converter),
                walking(registry),
                plan.worker,
                loop_settings,
            ),
        )

    def _start(self, coroutine: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(coroutine)  # type: ignore[call-overload]
        self._running.append(task)
        return task

    async def _tell(self, told: Callable[[str], None]) -> None:
        if self._node is None:
            told(f"working at {self._plan.home.address}, namespace {self._plan.namespace}")
            return
        while True:
            told(await self._node.news.get())

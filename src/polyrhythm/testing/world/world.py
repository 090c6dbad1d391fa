"""A world of one seed: virtual time, one server process at a time, clients, workers, faults.

A step moves the clock, lets everybody act who is due, breaks something or not, and runs one turn
of the lane; then the auditor looks. After the steps of the profile the world heals: no more
faults, everybody behaves, and every run must come to its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

from temporalio.api.workflowservice.v1 import (
    TerminateWorkflowExecutionRequest,
    UnpauseActivityRequest,
)

from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.lane import Progress
from polyrhythm.stores.memory.tables import Tables
from polyrhythm.stores.port import Batch
from polyrhythm.testing.auditor import Auditor, Finding
from polyrhythm.testing.auditor.view import RunView
from polyrhythm.testing.world.activity_worker import ActivityWorker
from polyrhythm.testing.world.clients import Client
from polyrhythm.testing.world.drift import Drift
from polyrhythm.testing.world.known import Known
from polyrhythm.testing.world.network import POLL_PATIENCE_HEALED_NS, Network
from polyrhythm.testing.world.operators import Operator
from polyrhythm.testing.world.place import Answered
from polyrhythm.testing.world.plain_activities import PlainClient
from polyrhythm.testing.world.process import Complaints, Process, SeededIds, StoreFaults
from polyrhythm.testing.world.profile import Rates, draw_profile
from polyrhythm.testing.world.releases import Releaser
from polyrhythm.testing.world.trace import Trace
from polyrhythm.testing.world.updaters import Updater
from polyrhythm.testing.world.workflow_worker import WorkflowWorker

ORIGIN_NS = 1_700_000_000 * SECOND_NS
# Steps of a healing world until the next run ends, and in all: where much is left to do, runs end
# one by one.
HEAL_STEPS_MAX = 4000
HEAL_STEPS_TOTAL = 20_000
# Operators unpause again, once the world heals, after so many steps.
MEND_STEPS = 25
# Operators end a chain that has had so many runs: cron runs that cancel their successor, which
# wakes it, go on without a pause until their execution times out.
CHAIN_RUNS_MAX = 20
# Turns in a row that a lane may ask for without writing or answering anything.
IDLE_TURNS_MAX = 20


class World:
    """Everything that a seed makes happen."""

    def __init__(self, seed: int, verbose: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.profile = draw_profile(seed, self.random)
        self.rates = self.profile.rates
        self.healing = False
        self.now_ns = ORIGIN_NS
        self.trace = Trace(verbose)
        self.tables = Tables()
        self.auditor = Auditor(self.tables)
        self.drift = Drift(self.tables)
        self.known = Known()
        self.steps = 0
        self._ids = SeededIds(seed)
        self._faults = StoreFaults(self._written)
        self._actions: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._stalled_until_ns = 0
        self._network = Network(self, self.auditor)
        self._started = 0
        self._idle = 0
        self._old: Process | None = None
        self.process = self._start()
        self._complaints = Complaints()
        for number in range(self.profile.clients):
            Client(self, number)
            if "updates" in self.profile.nouns:
                Updater(self, number)
        Operator(self, 0)
        if "versions" in self.profile.nouns:
            Releaser(self)
        if "plain activities" in self.profile.nouns:
            PlainClient(self)
        pairs = range(self.profile.worker_pairs)
        self.workers: list[WorkflowWorker | ActivityWorker] = []
        for number in pairs:
            self.workers.append(WorkflowWorker(self, number))
            self.workers.append(ActivityWorker(self, number))

    @property
    def namespace(self) -> NamespaceInfo:
        """The namespace everything happens in."""
        return self.process.lane.memory.registry.first()

    def run(self) -> None:
        """Run the seed to its end. Raises Finding."""
        self._complaints.open()
        try:
            while self.steps < self.profile.steps:
                self.step()
            self._heal()
        finally:
            self._complaints.close()

    def step(self) -> None:
        """Let a little happen."""
        self.steps += 1
        self._advance()
        self._act()
        self._break()
        if self._old is not None:
            self._turn_old(self._old)
        turned = self.now_ns >= self._stalled_until_ns
        if turned:
            self._stalled_until_ns = 0
            self._turn(self.process)
        self._network.collect(self.process, turned)
        self.drift.follow()
        self.auditor.check()
        if self._complaints.texts:
            raise Finding("internal error", self._complaints.texts[0])

    def chance(self, rate: float) -> bool:
        """Whether something of this rate happens now."""
        return rate > 0 and self.random.random() < rate

    def at(self, at_ns: int, action: Callable[[], None]) -> None:
        """Have something done at a time."""
        self._count += 1
        heappush(self._actions, (at_ns, self._count, action))

    def after_ms(self, low: int, high: int, action: Callable[[], None]) -> None:
        """Have something done after a while."""
        self.at(self.now_ns + self.random.randint(low * 1000, high * 1000) * 1000, action)

    def send(self, request: Any, answered: Answered, poll: bool = False) -> None:
        """Send a request to whoever is the server when it arrives."""
        self._network.send(request, answered, poll)

    def pause_ms(self, error: Exception | None) -> tuple[int, int]:
        """How long a worker waits before its next poll."""
        if error is None:
            return (0, 30)
        return (2_000, 60_000) if self.healing else (200, 3_000)

    def take_eager(self, task: Any) -> None:
        """Give a workflow task that came with a start's answer to a worker of the caller."""
        self.workers[0].take(task)

    def take_activity(self, task: Any) -> None:
        """Give an activity that came with a workflow task's answer to a worker of the caller."""
        self.workers[1].take(task)

    def clock(self) -> str:
        """Return the time as the trace shows it."""
        return f"{(self.now_ns - ORIGIN_NS) / SECOND_NS:.3f}"

    def _advance(self) -> None:
        wanted = [self._actions[0][0]] if self._actions else []
        next_ns = self.process.lane.next_ns()
        if self.now_ns < self._stalled_until_ns:
            wanted.append(self._stalled_until_ns)
        elif next_ns > self.now_ns or self._idle < 3:
            wanted.append(next_ns)
        if wanted:
            self.now_ns = max(self.now_ns, min(wanted))
            if not self.healing:
                self.now_ns += self.random.randint(0, self.profile.stride_ms * 1000) * 1000
        if self.chance(self.rates.clock_forward):
            jump = self.random.choice((1, 5, 5, 30, 30, 600, 7200))
            self.trace.count("clock forward")
            self.now_ns += int(jump * self.random.random() * SECOND_NS)
        elif self.chance(self.rates.clock_back):
            self.trace.count("clock back")
            self.now_ns -= self.random.randint(1, 200_000_000)

    def _act(self) -> None:
        while self._actions and self._actions[0][0] <= self.now_ns:
            heappop(self._actions)[2]()

    def _break(self) -> None:
        if self.chance(self.rates.restart):
            self._crash("restart")
        elif self._old is None and self.chance(self.rates.takeover):
            self._take_over("takeover")
        if self.chance(self.rates.stall) and not self._stalled_until_ns:
            # Longer than the shortest timeouts, and sometimes longer than the longest.
            self.trace.count("stall")
            span_ms = self.random.choice((300, 3_000, 30_000, 200_000))
            self._stalled_until_ns = self.now_ns + self.random.randint(1, span_ms) * 1_000_000
        if self.chance(self.rates.worker_death):
            self.trace.count("worker death")
            self.random.choice(self.workers).die()
        if self.chance(self.rates.poll_cancelled):
            self._network.cancel_one()

    def _take_over(self, how: str) -> None:
        self.trace.count(how)
        self.trace.line(f"{self.clock()} {how}")
        self._old = self.process
        self._old.turns_left = self.random.randint(1, 4)
        self._stalled_until_ns = 0
        self.process = self._start()

    def _start(self) -> Process:
        self._started += 1
        process = Process(self.tables, self._faults, self._ids, self.profile.limits)
        self.auditor.owned(process.start(self._started, self.now_ns))
        process.recover(self.now_ns)
        return process

    def _crash(self, how: str) -> None:
        self.trace.count(how)
        self.trace.line(f"{self.clock()} {how}")
        self._network.collect(self.process, turned=False)
        self._network.break_calls(self.process)
        self._stalled_until_ns = 0
        self.process = self._start()

    def _turn_old(self, process: Process) -> None:
        # The old owner does not know yet that it has lost the lane.
        self._turn(process)
        process.turns_left -= 1
        if process.lane.lost or process.turns_left <= 0:
            self._network.collect(self.process, turned=False)
            self._network.break_calls(process)
            self._old = None

    def _turn(self, process: Process) -> None:
        lane = process.lane
        if lane.lost:
            return
        self.auditor.turned(self.now_ns)
        progress = lane.begin(self.now_ns)
        while lane.decide(progress):
            pass
        if not lane.writes(progress):
            quiet = not progress.desk.turn.answers and not lane.busy
            due = lane.next_ns() <= self.now_ns
            self._idle = self._idle + 1 if quiet and due else 0
            if self._idle > IDLE_TURNS_MAX:
                raise Finding(
                    "spin", f"the lane asks for a turn at {lane.next_ns()} and does nothing"
                )
            self._finish(process, progress)
            return
        self._idle = 0
        mine = process is self.process
        if mine and self.chance(self.rates.crash_before_commit):
            self._crash("crash before commit")
            return
        self._replace(mine, "takeover before commit")
        error = self._commit(process, progress)
        if error is not None:
            self.trace.line(f"{self.clock()} commit failed: {type(error).__name__} {error}")
            lane.abort(progress, error)
            if isinstance(error, LaneLost):
                self.trace.count("lane lost")
        elif mine and self.chance(self.rates.crash_after_commit):
            self._crash("crash after commit")
            return
        else:
            self._replace(mine, "takeover after commit")
            lane.perform(progress)
        self._compare(process, progress)

    def _replace(self, mine: bool, how: str) -> None:
        if mine and self._old is None and self.chance(self.rates.takeover_within_turn):
            self._take_over(how)

    def _finish(self, process: Process, progress: Progress) -> None:
        process.lane.perform(progress)
        self._compare(process, progress)

    def _compare(self, process: Process, progress: Progress) -> None:
        if process is not self.process:
            return
        self.drift.follow()
        turn = progress.desk.turn
        self.drift.compare(process.lane.memory.world.cache, turn.loaded | set(turn.touched))

    def _commit(self, process: Process, progress: Progress) -> StoreError | None:
        rates, self._faults.plan = self.rates, ""
        for plan, rate in (
            ("lost", rates.commit_lost),
            ("full", rates.store_full),
            ("full once", rates.store_full),
            ("unknown", rates.commit_unknown),
        ):
            if not self._faults.plan and self.chance(rate):
                self._faults.plan = plan
                self.trace.count(f"commit {plan}")
        try:
            process.lane.commit(progress)
        except StoreError as error:
            return error
        finally:
            self._faults.plan = ""
        return None

    def _written(self, batch: Batch) -> None:
        self.auditor.committed(batch)
        for write in batch.runs:
            if write.log is not None:
                self.trace.data(write.log.events)
                self.trace.data(write.log.notes)
        self.trace.line(
            f"{self.clock()} commit {[(w.row.run_key, w.row.history_events) for w in batch.runs]}"
        )

    def _heal(self) -> None:
        self.trace.line(f"{self.clock()} healing")
        self.healing = True
        self.rates = Rates()
        self._stalled_until_ns = 0
        # Polls that wait long leave the steps to what is still to happen.
        self.profile.limits.task_poll_ns = 2 * POLL_PATIENCE_HEALED_NS
        for worker in self.workers:
            worker.die()
        last = self.steps + HEAL_STEPS_TOTAL
        until, ended = self.steps, -1
        while (unsettled := self._unsettled()) or self._owes_more():
            if len(self.auditor.views) - len(unsettled) > ended:
                ended = len(self.auditor.views) - len(unsettled)
                until = self.steps + HEAL_STEPS_MAX
            if self.steps >= min(until, last):
                plain = [view.name for view in self.auditor.plain.unsettled()]
                raise Finding("liveness", f"{self._describe(unsettled)} {plain}")
            if self.steps % MEND_STEPS == 0:
                self._mend()
            self.step()

    def _mend(self) -> None:
        chains = Counter(view.first_run_id for view in self.auditor.views.values())
        for view in self.auditor.views.values():
            request: UnpauseActivityRequest | TerminateWorkflowExecutionRequest
            if not view.open:
                continue
            if any(each.paused for each in view.activities.values()):
                request = UnpauseActivityRequest(type="work")
                execution = request.execution
            elif self.auditor.families.cut_off(view):
                self.trace.count("cut off by resets")
                request = TerminateWorkflowExecutionRequest(reason="cut off")
                execution = request.workflow_execution
            elif chains[view.first_run_id] > CHAIN_RUNS_MAX:
                self.trace.count("chain too long")
                request = TerminateWorkflowExecutionRequest(reason="chain too long")
                execution = request.workflow_execution
            else:
                continue
            execution.workflow_id, execution.run_id = view.workflow_id, view.run_id
            self.send(request, _ignore)

    def _owes_more(self) -> bool:
        return bool(self.auditor.jobs.unsettled() or self.auditor.plain.unsettled())

    def _unsettled(self) -> list[RunView]:
        views = self.auditor.views.values()
        return [view for view in views if (view.open or view.owed) and not view.deleted]

    def _describe(self, views: list[RunView]) -> str:
        return "; ".join(
            f"{v.name} open={v.open} owes={len(v.owed)} task={v.task} timers={v.timers}"
            f" activities={list(v.activities.values())} row={self.tables.runs[v.key]}"
            for v in views
        )


def _ignore(_value: Any, _error: Exception | None) -> None:
    """Read nothing."""

"""A world of one seed: virtual time, one server process at a time, clients, workers, faults.

A step moves the clock, lets everybody act who is due, breaks something or not, and runs one turn
of the lane; then the auditor looks. After the steps of the profile the world heals: no more
faults, everybody behaves, and every run must come to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any

from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Progress
from polyrhythm.stores.memory.tables import Tables
from polyrhythm.stores.port import Batch
from polyrhythm.testing.auditor import Auditor, Finding
from polyrhythm.testing.world.activity_worker import ActivityWorker
from polyrhythm.testing.world.clients import Client
from polyrhythm.testing.world.drift import Drift
from polyrhythm.testing.world.network import Answered, Lost, Sent, ignore, name_of
from polyrhythm.testing.world.process import Complaints, Process, SeededIds, StoreFaults
from polyrhythm.testing.world.profile import Rates, draw_profile
from polyrhythm.testing.world.trace import Trace
from polyrhythm.testing.world.workflow_worker import WorkflowWorker

ORIGIN_NS = 1_700_000_000 * SECOND_NS
# How long a caller waits for the answer to a plain call, and longer than any long poll.
PATIENCE_NS = 10 * SECOND_NS
POLL_PATIENCE_NS = 70 * SECOND_NS
POLL_PATIENCE_HEALED_NS = 7200 * SECOND_NS
HEAL_STEPS_MAX = 4000
OVERDUE_TURNS_MAX = 2
# Turns in a row that a lane may ask for without writing or answering anything.
IDLE_TURNS_MAX = 20


class World:
    """Everything that a seed makes happen."""

    def __init__(self, seed: int, verbose: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.profile = draw_profile(self.random)
        self.rates = self.profile.rates
        self.healing = False
        self.now_ns = ORIGIN_NS
        self.trace = Trace(verbose)
        self.tables = Tables()
        self.auditor = Auditor(self.tables)
        self.drift = Drift(self.tables)
        self.steps = 0
        self._ids = SeededIds(seed)
        self._faults = StoreFaults(self._written)
        self._actions: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._sent: dict[int, Sent] = {}
        self._started = 0
        self._idle = 0
        self._old: Process | None = None
        self.process = self._start()
        self._complaints = Complaints()
        self.clients = [Client(self, number) for number in range(self.profile.clients)]
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
        self._turn(self.process)
        self._collect()
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
        self.trace.count("requests")
        if self.chance(self.rates.request_lost):
            self.trace.count("request lost")
            self.at(self.now_ns + PATIENCE_NS, lambda: answered(None, Lost("request")))
            return
        self._arrive_later(request, answered, poll, twin=False)
        if self.chance(self.rates.request_doubled):
            self.trace.count("request doubled")
            self._arrive_later(request, ignore, poll, twin=True)

    def _arrive_later(self, request: Any, answered: Answered, poll: bool, twin: bool) -> None:
        slow = self.chance(self.rates.request_slow)
        if slow:
            self.trace.count("request slow")
        low, high = (2_000, 30_000) if slow else (0, 20)

        def arrive() -> None:
            self._arrive(request, answered, poll, twin)

        if self.healing:
            self.after_ms(0, 2, arrive)
        else:
            self.after_ms(low, high, arrive)

    def _arrive(self, request: Any, answered: Answered, poll: bool, twin: bool) -> None:
        self._count += 1
        patience = POLL_PATIENCE_HEALED_NS if self.healing else POLL_PATIENCE_NS
        deadline_ns = self.now_ns + patience if poll else 0
        call = Call(self.namespace, request, deadline_ns, "caller")
        sent = Sent(
            self._count,
            name_of(request),
            call,
            answered,
            self.process,
            self.now_ns + patience,
            twin,
        )
        self._sent[sent.number] = sent
        self.trace.line(f"{self._clock()} -> {sent.number} {sent.what}")
        self.auditor.asked(request)
        self.process.lane.submit(call)

    def pause_ms(self, error: Exception | None) -> tuple[int, int]:
        """How long a worker waits before its next poll."""
        if error is None:
            return (0, 30)
        return (2_000, 60_000) if self.healing else (200, 3_000)

    def take_eager(self, task: Any) -> None:
        """Give a workflow task that came with a start's answer to a worker of the caller."""
        self.workers[0].take(task)

    def _cancel(self, number: int, sent: Sent) -> None:
        self.trace.line(f"{self._clock()} cancelled {number}")
        sent.call.reply.cancel()
        del self._sent[number]

    def _clock(self) -> str:
        return f"{(self.now_ns - ORIGIN_NS) / SECOND_NS:.3f}"

    def _advance(self) -> None:
        wanted = [self._actions[0][0]] if self._actions else []
        next_ns = self.process.lane.next_ns()
        if next_ns > self.now_ns or self._idle < 3:
            wanted.append(next_ns)
        if wanted:
            self.now_ns = max(self.now_ns, min(wanted))
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
            self.trace.count("takeover")
            self.trace.line(f"{self._clock()} takeover")
            self._old = self.process
            self._old.turns_left = self.random.randint(1, 4)
            self.process = self._start()
        if self.chance(self.rates.worker_death):
            self.trace.count("worker death")
            self.random.choice(self.workers).die()
        if self._sent and self.chance(self.rates.poll_cancelled):
            number = self.random.choice(list(self._sent))
            sent = self._sent[number]
            self.trace.count("call cancelled")
            self._cancel(number, sent)
            if not sent.twin:
                self.after_ms(1, 500, lambda: sent.answered(None, Lost("cancelled")))

    def _start(self) -> Process:
        self._started += 1
        process = Process(self.tables, self._faults, self._ids, self.profile.limits)
        self.auditor.owned(process.start(self._started, self.now_ns))
        process.recover(self.now_ns)
        return process

    def _crash(self, how: str) -> None:
        self.trace.count(how)
        self.trace.line(f"{self._clock()} {how}")
        self._collect(turned=False)
        self._break_calls(self.process)
        self.process = self._start()

    def _break_calls(self, process: Process) -> None:
        for number, sent in list(self._sent.items()):
            if sent.process is process:
                del self._sent[number]
                if not sent.twin:
                    self._answer_later(sent, None, Lost("connection"))

    def _turn_old(self, process: Process) -> None:
        # The old owner does not know yet that it has lost the lane.
        self._turn(process)
        process.turns_left -= 1
        if process.lane.lost or process.turns_left <= 0:
            self._collect(turned=False)
            self._break_calls(process)
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
        error = self._commit(process, progress)
        if error is not None:
            self.trace.line(f"{self._clock()} commit failed: {type(error).__name__} {error}")
            lane.abort(progress, error)
            if isinstance(error, LaneLost):
                self.trace.count("lane lost")
        elif mine and self.chance(self.rates.crash_after_commit):
            self._crash("crash after commit")
            return
        else:
            lane.perform(progress)
        self._compare(process, progress)

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
            f"{self._clock()} commit {[(w.row.run_key, w.row.history_events) for w in batch.runs]}"
        )

    def _collect(self, turned: bool = True) -> None:
        for number, sent in list(self._sent.items()):
            reply = sent.call.reply
            if not reply.done:
                if turned and sent.process is self.process:
                    self._wait_for(sent)
                continue
            del self._sent[number]
            outcome = type(reply.error).__name__ if reply.error else "ok"
            self.trace.line(f"{self._clock()} <- {number} {sent.what} {outcome}")
            if sent.process is self.process or reply.error is None:
                self.auditor.told(sent.call.request, reply.value, reply.error)
            if sent.twin:
                continue
            if self.chance(self.rates.reply_lost):
                self.trace.count("reply lost")
                self.after_ms(100, 10_000, partial(sent.answered, None, Lost("reply")))
            else:
                self._answer_later(sent, reply.value, reply.error)

    def _wait_for(self, sent: Sent) -> None:
        if self.process.lane.busy:
            # It may not have been looked at yet: its time begins when it is.
            sent.patience_ns = max(sent.patience_ns, self.now_ns + POLL_PATIENCE_NS)
        elif self.now_ns > sent.patience_ns:
            # Taken up after its time, it is answered by the turn after that.
            sent.overdue += 1
            if sent.overdue > OVERDUE_TURNS_MAX:
                text = f"call {sent.number} {sent.what} waits past its deadline"
                raise Finding("unanswered", text)

    def _answer_later(self, sent: Sent, value: Any, error: Exception | None) -> None:
        self.after_ms(0, 2 if self.healing else 15, lambda: sent.answered(value, error))

    def _heal(self) -> None:
        self.trace.line(f"{self._clock()} healing")
        self.healing = True
        self.rates = Rates()
        # Polls that wait long leave the steps to what is still to happen.
        self.profile.limits.task_poll_ns = 2 * POLL_PATIENCE_HEALED_NS
        for worker in self.workers:
            worker.die()
        last = self.steps + HEAL_STEPS_MAX
        while not self._settled():
            if self.steps >= last:
                raise Finding("liveness", self._unsettled())
            self.step()

    def _settled(self) -> bool:
        return not any(
            view.owed or view.open for view in self.auditor.views.values() if not view.deleted
        )

    def _unsettled(self) -> str:
        views = [v for v in self.auditor.views.values() if (v.open or v.owed) and not v.deleted]
        return "; ".join(
            f"{v.name} open={v.open} owes={len(v.owed)} task={v.task} timers={v.timers}"
            f" activities={list(v.activities.values())} row={self.tables.runs[v.key]}"
            for v in views
        )

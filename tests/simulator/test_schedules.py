"""Schedules over crashes, lost turns and a jumping clock: every time is acted on once, or counted.

A world of one seed: a schedule of each overlap policy, clients that pause, go on and trigger, a
worker that ends runs sooner or later, and a process that dies before or after its commits. The
audit reads rows and notes alone and knows the schedule's times by arithmetic.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import ScheduleOverlapPolicy as Overlap
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.schedule.v1 import SchedulePatch

from engine.rig import Rig, complete, completed_request, poll_request
from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.core import closing, decision
from polyrhythm.core.schedule import advance, apply, overlap
from polyrhythm.engine import natures
from polyrhythm.stores.port import RunFilter

POLICIES = [value for value in Overlap.values() if value]
ALLOW_ALL = Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
EVERY_S = 7
CATCHUP_S = 40
SEEDS = range(12)


@dataclass
class World:
    """One seed at work. `active` are the spans (from, to] in which the schedule acts."""

    seed: int
    random: Random = field(init=False)
    rig: Rig = field(init=False)
    policy: int = 0
    active: list[list[int]] = field(default_factory=list)
    triggers: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        limits = Limits(
            snapshot_rows=self.random.choice((1, 4, 1000)),
            schedule_times_max=self.random.choice((2, 5, 256)),
            schedule_buffer_max=self.random.choice((3, 1000)),
            cached_runs_max=self.random.choice((1, 3, 1000)),
        )
        self.rig = Rig(limits)
        self.policy = POLICIES[self.seed % len(POLICIES)]

    def now_s(self) -> int:
        return self.rig.now_ns // SECOND_NS

    def run(self, steps: int) -> None:
        self.create()
        for _ in range(steps):
            self.random.choice((self.wait, self.wait, self.work, self.work, self.patch, self.die))()
            self.audit()
        self.heal()

    def create(self) -> None:
        request = ws.CreateScheduleRequest(namespace="default", schedule_id="s", request_id="c")
        request.schedule.spec.interval.add().interval.seconds = EVERY_S
        action = request.schedule.action.start_workflow
        action.workflow_id, action.workflow_type.name, action.task_queue.name = "run", "t", "q"
        request.schedule.policies.overlap_policy = self.policy
        request.schedule.policies.catchup_window.seconds = CATCHUP_S
        self.rig.call(request)
        self.active.append([self.now_s(), -1])

    def wait(self) -> None:
        jump_s = self.random.choice((0.5, 1, 3, 7, 7, 15, 15, 90))
        self.rig.now_ns += int(jump_s * self.random.random() * 1000) * SECOND_NS // 1000
        self.turn()

    def turn(self) -> None:
        """Take a turn that may be lost, or be the last of its process."""
        rig, fate = self.rig, self.random.random()
        progress = rig.lane.begin(rig.now_ns)
        while rig.lane.decide(progress):
            pass
        if fate > 0.15 and rig.lane.writes(progress):
            rig.lane.commit(progress)
        if fate > 0.3:
            rig.lane.perform(progress)
        else:
            rig.crash()

    def settle(self) -> None:
        """Take turns until nothing is due."""
        for _ in range(200):
            self.rig.turn()
            if not self.rig.lane.busy and self.rig.lane.next_ns() > self.rig.now_ns:
                return
        raise AssertionError("the lane does not come to rest")

    def work(self) -> None:
        self.settle()
        reply = self.rig.submit(poll_request(), deadline_s=1)
        self.settle()
        if reply.done and reply.error is None and reply.value.task_token:
            self.rig.call(completed_request(reply.value.task_token, complete()))
        else:
            reply.cancel()

    def patch(self) -> None:
        self.settle()
        patch = SchedulePatch()
        open_span = self.active[-1][1] < 0
        if self.random.random() < 0.3:
            patch.trigger_immediately.overlap_policy = self.random.choice((0, ALLOW_ALL))
            self.triggers += 1
        elif open_span:
            patch.pause = "pause"
            self.active[-1][1] = self.now_s()
        else:
            patch.unpause = "go on"
            self.active.append([self.now_s(), -1])
        request = ws.PatchScheduleRequest(namespace="default", schedule_id="s", patch=patch)
        self.rig.call(request)

    def die(self) -> None:
        self.rig.crash()

    def heal(self) -> None:
        """End every run: nothing may wait for ever."""
        if self.active[-1][1] < 0:
            self.settle()
            request = ws.PatchScheduleRequest(namespace="default", schedule_id="s")
            request.patch.pause = "the end"
            self.rig.call(request)
            self.active[-1][1] = self.now_s()
        for _ in range(300):
            self.work()
            self.rig.now_ns += 11 * SECOND_NS
            if not self.open_runs() and not self.steps()["buffered"]:
                break
        self.audit()
        assert not self.open_runs(), "a run has not ended"
        assert not self.steps()["buffered"], "a start waits for ever"

    def open_runs(self) -> list[tuple[str, int, bool]]:
        return [run for run in self.started() if run[2]]

    def started(self) -> list[tuple[str, int, bool]]:
        """The runs there are: workflow id, when it was started, whether it is open."""
        rows = self.rig.store.list_runs(RunFilter(1))
        for row in rows:
            fields = SearchAttributes.FromString(row.search_attributes).indexed_fields
            written = json.loads(fields["TemporalScheduledStartTime"].data)
            assert row.workflow_id == f"run-{written}"
        return [(row.workflow_id, row.start_ns, row.status == RUNNING) for row in rows]

    def steps(self) -> Counter[str]:
        """Sums over the schedule's log; `scheduled` are starts for times of the spec."""
        key = self.rig.store.find_current(1, EntityKind.SCHEDULE, "s")
        stored = self.rig.store.load_run(key, 0)
        sums: Counter[str] = Counter()
        for row in stored.log:
            for note in notes.NoteList.FromString(row.notes).notes:
                step = note.schedule_step
                for name in ("missed", "skipped", "dropped"):
                    sums[name] += getattr(step, name)
                sums["buffered"] += len(step.added) - len(step.removed)
                for start in step.starts:
                    sums["manual" if start.manual else "scheduled"] += 1
                sums["refused"] += bool(note.settled.error)
                sums["settled"] += note.HasField("settled") and bool(note.settled.run_id)
                sums["latest"] = max(sums["latest"], step.processed_ns)
        return sums

    def times(self, until_s: int) -> int:
        """How many times of the spec lie in the spans in which it acts."""
        return sum(
            (until_s if end < 0 else end) // EVERY_S - begin // EVERY_S
            for begin, end in self.active
        )

    def audit(self) -> None:
        sums = self.steps()
        accounted = sum(sums[name] for name in ("missed", "skipped", "dropped", "buffered"))
        accounted += sums["scheduled"] + sums["manual"]
        paused = self.active[-1][1] >= 0
        # What is not taken in yet lies after the last step.
        until_s = self.now_s() if paused else sums["latest"] // SECOND_NS
        wanted = self.times(until_s) + self.triggers
        assert accounted == wanted, f"{accounted} of {wanted} times: {dict(sums)}"
        runs = self.started()
        assert len(runs) == sums["settled"], "runs and the schedule's log differ"
        names = Counter(name for name, _, _ in runs)
        # A trigger may meet a time that is over; times alone never do.
        assert sum(names.values()) - len(names) <= self.triggers, "a time was acted on twice"
        if self.policy != ALLOW_ALL and not self.triggers:
            assert len(self.open_runs()) <= 1, "runs overlap"


@pytest.mark.parametrize("seed", SEEDS)
def test_times_are_acted_on_once_or_counted(seed):
    World(seed).run(60)


def _forget_progress(monkeypatch):
    def forgetful(state, note):
        before = state.processed_ns
        apply.apply_schedule(state, note)
        if note.HasField("schedule_step") and note.schedule_step.starts:
            state.processed_ns = before

    nature = natures.NATURES[EntityKind.SCHEDULE]
    fold = natures.fold_notes
    monkeypatch.setattr(nature, "fold", lambda state, _e, data: fold(state, data, forgetful))


def _overlap(monkeypatch):
    monkeypatch.setattr(
        advance, "judge", lambda buffer, _running, policy: overlap.judge(buffer, False, policy)
    )


def _tell_nobody(monkeypatch):
    monkeypatch.setattr(
        decision,
        "closing_messages",
        lambda state, event: [
            m for m in closing.closing_messages(state, event) if not m.receiver_kind
        ],
    )


def _lose_late_ones(monkeypatch):
    add = advance._add

    def careless(plan, start):
        if plan.now_ns - start.actual_ns < 20 * SECOND_NS:
            add(plan, start)

    monkeypatch.setattr(advance, "_add", careless)


def _lose_skipped(monkeypatch):
    def silent(buffer, running, policy):
        verdict = overlap.judge(buffer, running, policy)
        verdict.skipped = 0
        return verdict

    monkeypatch.setattr(advance, "judge", silent)


def _act_while_paused(monkeypatch):
    state_class = type(natures.NATURES[EntityKind.SCHEDULE].new())
    monkeypatch.setattr(state_class, "acts", lambda _state: True)


MUTANTS = (
    _forget_progress,
    _overlap,
    _tell_nobody,
    _lose_late_ones,
    _lose_skipped,
    _act_while_paused,
)


@pytest.mark.parametrize("plant", MUTANTS, ids=lambda plant: plant.__name__)
def test_planted_bugs_are_found(plant, monkeypatch):
    plant(monkeypatch)
    for seed in SEEDS:
        try:
            World(seed).run(60)
        except AssertionError:
            return
    pytest.fail("no seed found it")

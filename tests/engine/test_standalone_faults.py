"""Activities without a workflow under faults: a seeded world of their own, and planted bugs.

Clients start, wait, cancel and terminate; workers complete, fail, fall silent and answer twice;
commits fail before and after they are written, processes end, clocks jump ahead. An auditor that
shares no code with the engine reads the logs after every turn; in the end everything has ended.
"""

from __future__ import annotations

from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, poll_activity_request
from engine.standalone_rig import start_request
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import StoreError
from polyrhythm.base.limits import Limits
from polyrhythm.core import standalone
from polyrhythm.core.deadlines import DeadlineKind
from polyrhythm.core.decide import standalone_attempt
from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.auditor.finding import Finding, require
from polyrhythm.testing.auditor.standalone import StandaloneAuditor

STEPS = 120
HEAL_STEPS = 400


class Faults:
    """Makes the next commit fail, before it is written or after."""

    plan = ""

    def before_commit(self, _batch: Any) -> None:
        if self.plan == "lost":
            self.plan = ""
            raise StoreError("simulated: not written")

    def after_commit(self, _batch: Any) -> None:
        if self.plan == "unknown":
            self.plan = ""
            raise StoreError("simulated: written, not told")


class World:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(f"plain/{seed}")
        limits = Limits(
            snapshot_rows=random.choice((1, 3, 100)),
            cached_runs_max=random.choice((1, 1000)),
            offers_in_memory_max=random.choice((1, 3, 1000)),
        )
        self.faults = Faults()
        self.rig = Rig(limits, faults=self.faults)
        self.auditor = StandaloneAuditor()
        self.calls: list[tuple[Any, Any]] = []
        self.tasks: list[Any] = []
        self.count = 0
        self.healing = False

    def run(self) -> None:
        for _ in range(STEPS):
            self.step()
        self.healing = True
        for _ in range(HEAL_STEPS):
            self.step()
            if not any(view.status == 1 for view in self.auditor.views.values()):
                return
        open_ = [view.name for view in self.auditor.views.values() if view.status == 1]
        raise Finding("liveness", f"{open_} never end")

    def step(self) -> None:
        random = self.random
        self.rig.now_ns += random.choice((0, 1, 50, 900, 4000)) * 1_000_000
        if not self.healing:
            for act in random.choices((self.start, self.stop, self.wait), (5, 1, 2), k=2):
                act()
            if random.random() < 0.1:
                self.faults.plan = random.choice(("lost", "unknown"))
        self.send(poll_activity_request())
        for task in [one for one in self.tasks if self.healing or random.random() < 0.4]:
            self.work(task)
        self.rig.turn()
        self.collect()
        if not self.healing and random.random() < 0.05:
            self.calls.clear()
            self.rig.crash()
        # Until nothing is left to do now, as the host does.
        for _ in range(20):
            if not self.rig.lane.busy and self.rig.lane.next_ns() > self.rig.now_ns:
                break
            self.rig.turn()
        self.collect()
        self.auditor.check(self.logs(), self.rig.now_ns)

    def logs(self) -> list[tuple[int, list[bytes]]]:
        rows = self.rig.store.list_runs(RunFilter(1, kind=EntityKind.ACTIVITY))
        stored = [(row.run_key, self.rig.store.load_run(row.run_key, 0)) for row in rows]
        return [(key, [entry.notes for entry in run.log]) for key, run in stored]

    def send(self, request: Any) -> None:
        self.calls.append((request, self.rig.submit(request, deadline_s=30)))

    def collect(self) -> None:
        for request, reply in [one for one in self.calls if one[1].done]:
            self.calls.remove((request, reply))
            if reply.error is None:
                self.auditor.told(request, reply.value)
                if isinstance(reply.value, ws.PollActivityTaskQueueResponse):
                    self.tasks += [reply.value] if reply.value.task_token else []
            else:
                code = getattr(reply.error, "code", "internal")
                require(code != "internal", "internal error", reply.error)

    def start(self) -> None:
        self.count += 1
        random = self.random
        given: dict[str, Any] = {"attempts": random.choice((0, 1, 3))}
        given["start_to_close"] = random.choice((1, 5, 30))
        for name, chance in (("schedule_to_close", 0.4), ("heartbeat", 0.4)):
            if random.random() < chance:
                given[name] = random.choice((1, 3, 20))
        if random.random() < 0.2:
            given["schedule_to_start"] = random.choice((1, 10))
        request = start_request(f"a{random.randrange(12)}", request_id=f"r{self.count}", **given)
        request.retry_policy.initial_interval.FromMilliseconds(random.choice((50, 700)))
        request.id_conflict_policy = random.choice((1, 2))
        self.send(request)

    def stop(self) -> None:
        name, made = f"a{self.random.randrange(12)}", str(self.count)
        kind = self.random.choice(
            (ws.RequestCancelActivityExecutionRequest, ws.TerminateActivityExecutionRequest)
        )
        self.send(kind(activity_id=name, request_id=made))

    def wait(self) -> None:
        self.send(ws.PollActivityExecutionRequest(activity_id=f"a{self.random.randrange(12)}"))

    def work(self, task: Any) -> None:
        token, random = task.task_token, self.random
        way = 0.0 if self.healing else random.random()
        if way < 0.85 or self.healing:
            self.tasks.remove(task)
        if way < 0.4:
            done = ws.RespondActivityTaskCompletedRequest(task_token=token)
            self.count += 1
            done.result.payloads.add(data=f"result/{task.attempt}/{self.count}.".encode())
            self.send(done)
        elif way < 0.75:
            failed = ws.RespondActivityTaskFailedRequest(task_token=token)
            failed.failure.application_failure_info.non_retryable = random.random() < 0.1
            if random.random() < 0.2:
                failed.failure.application_failure_info.next_retry_delay.FromMilliseconds(300)
            self.send(failed)
        elif way > 0.85:
            beat = ws.RecordActivityTaskHeartbeatRequest(task_token=token)
            self.send(beat)


@pytest.mark.parametrize("seed", range(16))
def test_a_seed_of_plain_activities(seed):
    world = World(seed)
    world.run()
    assert len(world.auditor.views) > 20
    assert {view.status for view in world.auditor.views.values()} >= {2, 3, 6}


@contextmanager
def take_answers_of_any_attempt():
    """A token of an earlier attempt ends a later one."""
    answered = standalone_attempt._answered

    def careless(state: Any, token: Any, context: Any) -> Any:
        token.attempt = 0
        return answered(state, token, context)

    with patch.object(standalone_attempt, "_answered", careless):
        yield


@contextmanager
def forget_heartbeats():
    """A silent worker is never given up."""
    kinds = tuple(k for k in standalone._STARTED_KINDS if k != DeadlineKind.ACTIVITY_HEARTBEAT)
    with patch.object(standalone, "_STARTED_KINDS", kinds):
        yield


@contextmanager
def retry_at_once():
    """The next attempt does not wait."""
    real = standalone_attempt.next_retry

    def hasty(*given: Any) -> Any:
        verdict, _ = real(*given)
        return verdict, 1

    with patch.object(standalone_attempt, "next_retry", hasty):
        yield


@contextmanager
def hand_out_before_time():
    """An attempt that backs off is offered."""
    with patch.object(standalone, "backs_off", lambda *_: False):
        yield


@contextmanager
def lose_retries():
    """An attempt whose time has come is offered to nobody."""
    with (
        patch.object(standalone_attempt, "offer_attempt", lambda _decision: None),
        patch.object(standalone, "standalone_offers", lambda *_: []),
    ):
        yield


@contextmanager
def end_again():
    """A closed activity takes answers."""
    real = standalone_attempt._answered

    def open_again(state: Any, token: Any, context: Any) -> Any:
        if not state.running and state.attempt.started_ns:
            return standalone_attempt.EntityDecision(state, context, standalone.apply_note)
        return real(state, token, context)

    with patch.object(standalone_attempt, "_answered", open_again):
        yield


MUTANTS = {
    take_answers_of_any_attempt: {"attempt", "acknowledged"},
    forget_heartbeats: {"late"},
    retry_at_once: {"backoff"},
    hand_out_before_time: {"early"},
    lose_retries: {"liveness"},
    end_again: {"ended twice"},
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_auditor_finds_a_planted_bug(mutant):
    found = set()
    with mutant():
        for seed in range(12):
            try:
                World(seed).run()
            except Finding as finding:
                found.add(finding.rule)
            if found & MUTANTS[mutant]:
                break
    assert found & MUTANTS[mutant], found

"""The calls that Temporal has no word for: the past of runs, projections, permits shared by all."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.history.v1 import History

from engine.rig import (
    Rig,
    activity,
    complete,
    poll_activity_request,
    signal_request,
    start_request,
)
from polyrhythm.api import service as api
from polyrhythm.base.errors import FailedPrecondition, InvalidArgument, NotFound
from polyrhythm.base.limits import SECOND_NS


def at(rig: Rig, time_ns: int = 0, event_id: int = 0) -> api.GetRunAtResponse:
    answer = rig.call(
        api.GetRunAtRequest(
            namespace="default", workflow_id="w", time_ns=time_ns, event_id=event_id
        )
    )
    assert isinstance(answer, api.GetRunAtResponse)
    return answer


def description(answer: api.GetRunAtResponse) -> ws.DescribeWorkflowExecutionResponse:
    return ws.DescribeWorkflowExecutionResponse.FromString(answer.description)


def played() -> tuple[Rig, list[int]]:
    """A run whose commits are ten seconds apart, and the time of each."""
    rig = Rig()
    times = []
    rig.call(start_request())
    times.append(rig.now_ns)
    rig.now_ns += 10 * SECOND_NS
    rig.run_commands(activity("a"))
    times.append(rig.now_ns)
    rig.now_ns += 10 * SECOND_NS
    rig.call(signal_request())
    rig.now_ns += 10 * SECOND_NS
    rig.run_commands(complete())
    times.append(rig.now_ns)
    return rig, times


def test_a_run_is_rebuilt_as_it_was() -> None:
    rig, times = played()
    first, second, last = (description(at(rig, time_ns)) for time_ns in times)
    assert first.workflow_execution_info.history_length == 2
    assert [one.activity_id for one in second.pending_activities] == ["a"]
    running = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    assert second.workflow_execution_info.status == running
    completed = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
    assert last.workflow_execution_info.status == completed


def test_between_two_commits_the_earlier_one_counts() -> None:
    rig, times = played()
    answer = at(rig, times[1] + 5 * SECOND_NS)
    assert answer.committed_ns == times[1]
    assert answer == at(rig, times[1])
    assert len(History.FromString(answer.history).events) == answer.last_event_id


def test_the_moment_of_an_event_is_that_of_its_commit() -> None:
    rig, times = played()
    assert at(rig, event_id=2) == at(rig, times[0])
    assert at(rig, event_id=at(rig).last_event_id) == at(rig)
    with pytest.raises(InvalidArgument, match="no event 99"):
        at(rig, event_id=99)


def test_before_its_start_there_is_no_run() -> None:
    rig, times = played()
    with pytest.raises(NotFound, match="did not exist"):
        at(rig, times[0] - 1)


def test_the_log_is_read_once_and_in_order_over_restarts() -> None:
    rig, _ = played()
    seen: list[tuple[int, int]] = []
    position = 0
    while True:
        request = api.ReadLogRequest(namespace="default", after_position=position, limit=2)
        answer = rig.call(request)
        if answer.next_position == position:
            break
        position = answer.next_position
        for entry in answer.entries:
            assert entry.workflow_id == "w"
            events = History.FromString(entry.events).events
            seen += [(entry.position, event.event_id) for event in events]
        rig.crash()
    assert [event_id for _, event_id in seen] == list(range(1, len(rig.events()) + 1))
    assert [place for place, _ in seen] == sorted(place for place, _ in seen)


def put(rig: Rig, expected: int, position: int, body: bytes) -> None:
    rig.call(
        api.PutProjectionRequest(
            namespace="default",
            name="p",
            expected_position=expected,
            position=position,
            body=body,
        )
    )


def get(rig: Rig) -> api.Projection:
    request = api.GetProjectionRequest(namespace="default", name="p")
    projection = rig.call(request).projection
    assert isinstance(projection, api.Projection)
    return projection


def test_a_projection_moves_from_where_it_was_read() -> None:
    rig = Rig()
    assert (get(rig).position, get(rig).body) == (0, b"")
    put(rig, 0, 5, b"five")
    with pytest.raises(FailedPrecondition, match="stands at position 5, not 0"):
        put(rig, 0, 7, b"seven")
    rig.crash()
    assert (get(rig).position, get(rig).body) == (5, b"five")
    rig.call(api.DeleteProjectionRequest(namespace="default", name="p"))
    assert get(rig).position == 0


def test_projections_are_named_without_their_bodies() -> None:
    rig = Rig()
    put(rig, 0, 5, b"five")
    (found,) = rig.call(api.ListProjectionsRequest(namespace="default")).projections
    assert (found.name, found.position, found.body) == ("p", 5, b"")


def reserve(rig: Rig, key: str = "k", count: float = 2, burst: int = 3, cost: int = 0) -> float:
    answer = rig.call(
        api.ReservePermitRequest(
            namespace="default", key=key, count=count, per_ns=SECOND_NS, burst=burst, cost=cost
        )
    )
    return answer.delay_ns / SECOND_NS


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    rig = Rig()
    assert [reserve(rig) for _ in range(6)] == [0, 0, 0, 0.5, 1.0, 1.5]
    rig.now_ns += 3 * SECOND_NS
    assert [reserve(rig) for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_bucket_survives_a_restart_and_is_one_for_each_key() -> None:
    rig = Rig()
    for _ in range(3):
        reserve(rig)
    rig.crash()
    assert reserve(rig) == 0.5
    assert reserve(rig, key="other") == 0


def test_a_rate_can_change_between_two_reservations() -> None:
    rig = Rig()
    for _ in range(5):
        reserve(rig)
    # 2.5 s of tokens are taken; at ten a second only 0.3 s of them are saved up.
    assert reserve(rig, count=10) == pytest.approx(2.5 + 0.1 - 0.3)


def test_two_reservations_of_one_turn_are_two_tokens() -> None:
    rig = Rig()
    requests = [
        api.ReservePermitRequest(
            namespace="default", key="k", count=1, per_ns=SECOND_NS, burst=1, cost=2
        )
        for _ in range(2)
    ]
    replies = [rig.submit(request) for request in requests]
    rig.turn()
    assert [reply.value.delay_ns for reply in replies] == [SECOND_NS, 3 * SECOND_NS]


def acquire(rig: Rig, holder: str, ttl_s: int = 10) -> api.AcquireLeaseResponse:
    answer = rig.call(
        api.AcquireLeaseRequest(
            namespace="default", key="k", holder=holder, limit=2, ttl_ns=ttl_s * SECOND_NS
        )
    )
    assert isinstance(answer, api.AcquireLeaseResponse)
    return answer


def test_leases_are_limited_renewed_released_and_run_out() -> None:
    rig = Rig()
    assert acquire(rig, "a").granted
    assert acquire(rig, "b", 5).granted
    refused = acquire(rig, "c")
    assert (refused.granted, refused.retry_after_ns) == (False, 5 * SECOND_NS)
    rig.crash()
    assert acquire(rig, "a").granted
    rig.call(api.ReleaseLeaseRequest(namespace="default", key="k", holder="a"))
    assert acquire(rig, "c").granted
    assert not acquire(rig, "d").granted
    rig.now_ns += 5 * SECOND_NS
    assert acquire(rig, "d").granted


def polled(rig: Rig) -> ws.PollActivityTaskQueueResponse:
    answer = rig.call(poll_activity_request())
    assert isinstance(answer, ws.PollActivityTaskQueueResponse)
    return answer


def postpone(rig: Rig, token: bytes, delay_s: int = 10, details: bytes = b"") -> None:
    rig.call(
        api.PostponeActivityTaskRequest(
            namespace="default", task_token=token, delay_ns=delay_s * SECOND_NS, details=details
        )
    )


def with_activity() -> Rig:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    return rig


def test_a_postponed_attempt_is_the_same_one_later_with_all_its_time() -> None:
    rig = with_activity()
    events = len(rig.events())
    first = polled(rig)
    rig.now_ns += 20 * SECOND_NS
    mark = Payloads(payloads=[Payload(data=b"mark")])
    postpone(rig, first.task_token, 15, mark.SerializeToString())
    assert len(rig.events()) == events
    rig.crash()
    waiting = rig.submit(poll_activity_request())
    rig.now_ns += 14 * SECOND_NS
    rig.turn()
    assert not waiting.done
    rig.now_ns += SECOND_NS
    rig.turn()
    again = waiting.value
    assert (again.activity_id, again.attempt) == ("a", 1)
    assert again.heartbeat_details == mark
    # Its timeout of 30 s counts from its second start.
    rig.now_ns += 29 * SECOND_NS
    rig.call(ws.RespondActivityTaskCompletedRequest(task_token=again.task_token))
    assert "ACTIVITY_TASK_COMPLETED" in " ".join(rig.events())


def test_an_attempt_is_postponed_once() -> None:
    rig = with_activity()
    token = polled(rig).task_token
    postpone(rig, token)
    with pytest.raises(NotFound):
        postpone(rig, token)
    rig.now_ns += 10 * SECOND_NS
    rig.turn()
    polled(rig)
    # It runs again; the first call, sent once more, must not take it away.
    with pytest.raises(NotFound):
        postpone(rig, token)


def test_an_attempt_that_is_to_end_is_not_postponed() -> None:
    rig = with_activity()
    token = polled(rig).task_token
    rig.call(ws.PauseActivityRequest(namespace="default", execution={"workflow_id": "w"}, id="a"))
    with pytest.raises(FailedPrecondition, match="cannot be postponed"):
        postpone(rig, token)

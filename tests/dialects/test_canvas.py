"""Chains, groups and chords, nested: what they give, in order, also when every step is replayed."""

import pytest

from canvas_shop import Page, Shop
from polyrhythm import Run, TaskRun, WorkflowFailed
from polyrhythm.base import limits
from polyrhythm.canvas import PROGRESS, Problem, chain, chord, each, group
from polyrhythm.dialects.canvas import plan, walker
from polyrhythm.testing import Stage


@pytest.fixture(params=[False, True], ids=["live", "replayed"])
def shop(request):
    shop = Shop()
    with Stage(shop.app, replays=request.param) as stage:
        shop.stage = stage
        yield shop


def test_a_single_task_is_a_plain_task(shop):
    run = shop.add.s(1, two=2).start()
    assert isinstance(run, TaskRun)
    assert run.result() == 3
    assert shop.app.client.count() == 0


def test_a_chain_hands_each_result_to_the_next(shop):
    run = (shop.add.s(1, 2) | shop.add.s(10) | shop.add.s()).start()
    assert isinstance(run, Run)
    assert run.result() == 14


def test_what_a_start_is_given_goes_to_the_first(shop):
    assert chain(shop.add.s(2), shop.add.s(3)).execute(1) == 6
    assert (group(shop.add.s(1), shop.add.s(2)) | shop.total.s()).execute(10) == 23


def test_an_immutable_step_takes_nothing(shop):
    assert (shop.add.s(1, 2) | shop.add.si(5, 5) | shop.add.s(1)).execute() == 11


def test_named_arguments_leave_room_for_what_comes(shop):
    assert (shop.add.s(1) | shop.add.s(two=5)).execute() == 7


def test_a_group_gives_results_in_order(shop):
    assert group(shop.add.s(n, n) for n in range(7)).execute() == [2 * n for n in range(7)]


def test_a_group_in_a_chain_gives_each_member_what_came(shop):
    parts = shop.add.s(1) | group(shop.add.s(10), shop.add.s(20)) | shop.total.s()
    assert parts.execute() == 34


def test_a_chord_collects(shop):
    assert chord([shop.add.s(n) for n in range(4)], shop.total.s()).execute() == 10
    assert chord(group(shop.add.s(n) for n in range(4)), shop.total.s()).execute() == 10


def test_pieces_nest_in_any_way(shop):
    add, total = shop.add, shop.total
    inner = chord([add.s(n) | add.s(100) for n in range(3)], total.s())
    canvas = (
        group(inner, inner | add.s(1), group(add.s(0), chain(add.s(1), add.s(1)))) | shop.note.s()
    )
    canvas.execute()
    assert shop.noted == [[306, 307, [1, 3]]]


def test_each_makes_as_many_members_as_there_are_items(shop):
    assert (shop.numbers.s(5) | each(shop.add.s(10)) | shop.total.s()).execute() == 60
    assert (shop.numbers.s(0) | each(shop.add.s(10)) | shop.total.s()).execute() == 0
    nested = shop.numbers.s(3) | each(shop.numbers.s() | each(shop.add.s(1)) | shop.total.s())
    assert nested.execute() == [0, 1, 3]


def test_map_starmap_and_chunks(shop):
    assert shop.total.map([[1, 2], [3]]).execute() == [3, 3]
    assert shop.add.starmap([(1, 2), (3, 4)]).execute() == [3, 7]
    run = shop.add.chunks(((n, n) for n in range(10)), 4).start()
    assert run.result() == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]


def test_a_batch_goes_on_behind_what_was_done(shop):
    with_failure = shop.flaky.map([1, 2, 3, 4]).options(retry=3)
    assert with_failure.execute() == [10, 20, 30, 40]


def test_types_of_arguments_are_those_of_the_task(shop):
    pages = group(shop.fetch.s("/a"), shop.fetch.s("/bc"))
    assert pages.execute() == [Page("/a", 2), Page("/bc", 3)]
    assert (pages | shop.words.s()).execute() == 5
    assert (shop.shout.s(b"\xff") | shop.shout.s()).execute() == b"\xff!!"


def test_empty_groups(shop):
    assert chord([], shop.total.s()).execute() == 0
    assert (shop.add.s(1) | group() | shop.total.s()).execute() == 0
    assert shop.add.chunks([], 3).execute() == []


def test_a_failure_ends_the_chain_and_is_what_its_starter_sees(shop):
    with pytest.raises(WorkflowFailed) as caught:
        (shop.add.s(1) | shop.fail.s() | shop.add.s(1)).execute()
    assert caught.value.cause.type == "Impossible"
    assert shop.ran["add"] == 1


def test_the_members_of_a_group_end_before_it_fails(shop):
    with pytest.raises(WorkflowFailed) as caught:
        chord([shop.fail.s(1), shop.add.s(1), shop.fail.s(2)], shop.total.s()).execute()
    failure = caught.value.cause
    assert failure.type == "GroupFailed"
    assert failure.details == ({"failed": [0, 2]},)
    assert failure.cause.type == "Impossible"
    assert shop.ran == {"add": 1}


def settled(shop):
    """Let runs of callbacks end."""
    for run in shop.app.client.list("ExecutionStatus = 'Running'"):
        shop.app.client.run(run.workflow_id).result()


def test_an_error_callback_is_told_what_failed(shop):
    run = (shop.add.s(1) | shop.fail.s().on_error(shop.tell.s()) | shop.add.s(1)).start()
    with pytest.raises(WorkflowFailed):
        run.result()
    settled(shop)
    (problem,) = shop.told
    assert (problem.type, problem.message) == ("Impossible", "2 cannot be")
    assert (problem.task, problem.canvas) == ("fail", run.workflow_id)


@pytest.mark.parametrize("broken", ["first", "last", "all", "body", "nested"])
def test_the_error_callback_of_a_chord_always_fires(shop, broken):
    good, bad = shop.add.s(1), shop.fail.s(7)
    nested = [good, chain(good, group(good, bad.as_immutable()))]
    header = {"first": [bad, good], "last": [good, bad], "all": [bad, bad], "nested": nested}
    body = shop.fail.si(7) if broken == "body" else shop.total.s()
    whole = chord(header.get(broken, [good, good]), body)
    with pytest.raises(WorkflowFailed):
        whole.on_error(shop.tell.s(), shop.note.si("told")).execute()
    settled(shop)
    assert [problem.task for problem in shop.told] == ["fail"]
    assert shop.noted == ["told"]


def test_a_success_callback_is_a_run_of_its_own(shop):
    run = shop.add.s(1).on_success(shop.note.s(), shop.fail.s()).start()
    assert run.result() == 2
    settled(shop) if not shop.noted else None
    (letter,) = list(shop.app.client.dead_letters())
    assert letter.task == "fail"
    assert shop.noted == [2]


def test_fail_fast_revokes_the_other_members(shop):
    slow = shop.wait.s("slow").on_error(shop.tell.s())
    with pytest.raises(WorkflowFailed) as caught:
        group(slow, shop.fail.s(1), fail_fast=True).execute()
    assert caught.value.cause.details == ({"failed": [1]},)
    settled(shop)
    assert [problem.type for problem in shop.told] == ["Revoked"]


def test_what_is_too_long_for_one_history_goes_to_runs_of_its_own(shop, monkeypatch):
    monkeypatch.setattr(plan, "CANVAS_RUN_STEPS_MAX", 4)
    monkeypatch.setattr(walker, "CANVAS_RUN_STEPS_MAX", 4)
    many = group(shop.add.s(n, 0) for n in range(30))
    assert (many | shop.total.s()).execute() == sum(range(30))
    assert chain(shop.add.s(1) for _ in range(11)).execute(0) == 11
    assert (shop.numbers.s(9) | each(shop.add.s(1)) | shop.total.s()).execute() == 45
    assert shop.app.client.count("WorkflowId STARTS_WITH 'x'") == 0
    assert shop.app.client.count() > 3 + 8 + 3 + 3
    with pytest.raises(WorkflowFailed):
        chord([shop.fail.s(n) for n in range(9)], shop.total.s()).on_error(shop.tell.s()).execute()
    settled(shop)
    assert len(shop.told) == 1


def test_how_far_it_is(shop):
    run = chord([shop.add.s(n) for n in range(4)], shop.total.s()).start()
    run.result()
    assert run.query(PROGRESS).done == run.query(PROGRESS).total == 5


def test_limits_are_what_a_history_holds():
    assert limits.Limits().history_events_max > limits.CANVAS_RUN_STEPS_MAX * 6 * 4
    assert Problem("a", "b").task == ""

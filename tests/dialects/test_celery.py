"""A module written for Celery, sent to a worker and run eagerly, with what Celery would give."""

from importlib import import_module, reload

import pytest

from polyrhythm.app.finding import find_app
from polyrhythm.app.settings import Home
from polyrhythm.celery import (
    Celery,
    MaxRetriesExceededError,
    TaskRevokedError,
    TimeoutError,  # noqa: A004
    chain,
    chord,
    group,
)
from polyrhythm.sdk.errors import MisuseError


@pytest.fixture(params=["worker", "eager"])
def mailer(request, monkeypatch):
    module = reload(import_module("dialects.celery_module"))
    module.app.conf.task_always_eager = request.param == "eager"
    if request.param == "eager":
        yield module
        return
    module.app.app.plan.home = Home("sqlite")
    module.app.app.plan.durability = "memory"
    with module.app.app:
        yield module


@pytest.fixture
def sent(mailer):
    if mailer.app.conf.task_always_eager:
        pytest.skip("there is no service to ask")
    return mailer


def test_tasks_are_called_plainly_delayed_and_applied(mailer):
    assert mailer.add(2, 3) == 5
    assert mailer.add.delay(2, 3).get(timeout=10) == 5
    assert mailer.add.apply_async((2,), {"y": 4}).get() == 6
    assert mailer.add.apply(args=(2,)).get() == 3
    assert mailer.app.send_task("mailer.total", [[1, 2]]).get() == 3


def test_retries_by_hand(mailer):
    assert mailer.send_mail.delay("ann").get() == {"to": "ann", "retries": 0}
    assert mailer.send_mail.delay("busy", subject="x", cc="bob").get()["retries"] == 2
    assert mailer.OUTBOX == [("ann", "hello", {}), ("busy", "x", {"cc": "bob"})]
    gone = mailer.send_mail.delay("gone")
    with pytest.raises(mailer.MailboxBusy, match="gone"):
        gone.get()
    assert max(mailer.TRIES.values()) == 3
    assert mailer.give_up.delay().get() == "gave up"


def test_automatic_retries(mailer):
    assert mailer.fetch.delay("up").get() == "page of up"
    with pytest.raises(ConnectionError, match="down"):
        mailer.fetch.delay("down").get()
    assert mailer.TRIES["down"] == 3


def test_a_failure_is_the_exception_that_was_raised(mailer):
    result = mailer.divide.delay(1, 0)
    with pytest.raises(ZeroDivisionError):
        result.get()
    assert (result.state, result.failed(), result.ready()) == ("FAILURE", True, True)
    assert isinstance(result.get(propagate=False), ZeroDivisionError)
    assert isinstance(result.result, ZeroDivisionError)


def test_canvases(mailer):
    add, total = mailer.add, mailer.total
    assert chain(add.s(1, 2), add.s(3), add.si(1, 1)).delay().get() == 2
    assert (add.s(1, 2) | add.s(3))().get() == 6
    assert group(add.s(n, n) for n in range(3))().get() == [0, 2, 4]
    assert group(add.s(1), add.s(2)).apply_async((5,)).join() == [6, 7]
    assert chord([add.s(n) for n in range(3)])(total.s()).get() == 6
    assert chord(group(add.s(1), add.s(2)), total.s()).delay().get() == 5
    assert total.map([[1], [2, 3]]).delay().get() == [1, 5]
    assert add.chunks([(1, 1), (2, 2), (3, 3)], 2).apply_async().get() == [[2, 4], [6]]
    assert add.signature((2,), {"y": 3}, countdown=0).delay().get() == 5
    assert mailer.newsletter(["ann", "busy-bob"]).delay().get() == 2
    assert mailer.render_page.s(3).clone(kwargs={"size": "A5"}).delay().get() == "3:A5"


def ended(mailer):
    """Let runs of callbacks end."""
    if not mailer.app.conf.task_always_eager:
        client = mailer.app.app.client
        for run in client.list(
            "WorkflowType = 'polyrhythm.canvas' AND ExecutionStatus = 'Running'"
        ):
            client.run(run.workflow_id).result()


def test_callbacks(mailer):
    linked = mailer.add.apply_async((1, 2), link=mailer.send_mail.s())
    assert linked.get() == 3
    failing = mailer.divide.s(1, 0)
    failing.link_error(mailer.on_failure.s())
    result = failing.delay()
    with pytest.raises(ZeroDivisionError):
        result.get()
    ended(mailer)
    ((_, text),) = mailer.FAILURES
    assert text == "ZeroDivisionError: division by zero"


def test_an_error_callback_of_a_chord(mailer):
    body = mailer.total.s()
    whole = chord([mailer.add.s(1), mailer.divide.s(1, 0)], body).on_error(mailer.on_failure.s())
    with pytest.raises(ZeroDivisionError):
        whole.delay().get()
    ended(mailer)
    assert len(mailer.FAILURES) == 1


def test_a_soft_limit_lets_the_task_clean_up(mailer):
    assert mailer.slow.delay().get() == "cleaned up"


def test_states_of_its_own(mailer):
    assert mailer.report.delay(2).get() == "reported"


def test_results_by_id(sent):
    result = sent.add.delay(1, 1)
    again = sent.app.AsyncResult(result.id)
    assert again.get() == 2
    assert (again.state, again.successful()) == ("SUCCESS", True)
    assert sent.app.AsyncResult("nobody").state == "PENDING"
    with pytest.raises(TimeoutError):
        sent.app.AsyncResult("nobody").get(timeout=0)
    own = sent.add.apply_async((1, 1), task_id="mine")
    assert own.id == "mine"
    again.forget()
    assert again.state == "PENDING"
    whole = group(sent.add.s(n) for n in range(3))()
    assert whole.get() == [1, 2, 3]
    assert (whole.completed_count(), whole.state) == (3, "SUCCESS")


def test_revoked_before_it_begins(sent):
    for late in (sent.add.apply_async((1,), countdown=600), (sent.add.s(1) | sent.add.s(1))):
        result = late if hasattr(late, "get") else late.apply_async(countdown=600)
        result.revoke()
        with pytest.raises(TaskRevokedError):
            result.get()
        assert result.state == "REVOKED"
        result.revoke()


def test_routes_and_priorities(sent):
    late = sent.render_page.apply_async((1,), countdown=600, priority=9)
    said = late._look().run.describe()
    assert said.summary.queue == "mailer"
    assert sent.add.apply_async((1,), queue="mailer").get() == 2


def test_what_does_not_fit_is_said():
    app = Celery("strange")
    with pytest.raises(MisuseError, match="beat_schedule"):
        app.conf.update(beat_schedule={"a": 1})
    with pytest.raises(MisuseError, match="colour"):
        app.task(colour="red")(lambda: None)
    with pytest.raises(MisuseError, match=r"\*args"):

        @app.task
        def many(*numbers): ...

    @app.task
    def one(number): ...

    with pytest.raises(MisuseError, match="no option 'wings'"):
        one.s(1).apply_async(wings=2)
    with pytest.raises(MisuseError, match="no task 'nope'"):
        app.send_task("nope")
    with pytest.raises(MisuseError, match="a signature is wanted"):
        group([1, 2])


def test_a_worker_finds_the_application():
    assert find_app("dialects.celery_module:app").name == "mailer"
    assert issubclass(MaxRetriesExceededError, Exception)

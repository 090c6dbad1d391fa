"""Alerts: who is told of failures, once, over restarts, by every channel."""

import asyncio
import json
import logging
import os
import queue
import signal
import subprocess
import sys
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path

import pytest

from polyrhythm import Alert, App, Fixed, MisuseError, Permanent, Retry, WorkflowFailed, task
from polyrhythm.app.loops import LoopThread

PROGRAM = Path(__file__).with_name("alert_program.py")


async def shut(server) -> None:
    server.close()
    await server.wait_closed()


class Receiver:
    """A local HTTP server: keeps what it is sent, answers with the next of `statuses`, then 200."""

    def __init__(self) -> None:
        self.got: queue.Queue = queue.Queue()
        self.statuses: list[int] = []
        self._thread = LoopThread("receiver")
        self._server = server = self._thread.run(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _answer(self, reader, writer) -> None:
        line, _, fields = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = message_from_bytes(fields, policy=modern)
        body = await reader.readexactly(int(headers["Content-Length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} so\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.got.put((status, line.split()[1].decode(), headers, json.loads(body)))

    def take(self) -> tuple:
        return self.got.get(timeout=30)

    def close(self) -> None:
        self._thread.run(shut(self._server))
        self._thread.close()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


def make_app(alert: Alert, name: str = "shop", **settings) -> App:
    app = App(name, durability="memory", **settings)

    @app.task(retry=Fixed(0.01, max_attempts=2), alert=alert)
    def charge(number: int) -> int:
        if number < 0:
            raise Permanent("card declined", type="CardDeclined")
        if number > task.info().attempt:
            raise RuntimeError(f"attempt {task.info().attempt}")
        return number

    @app.workflow
    async def checkout(number: int) -> int:
        return await charge(number)

    app.checkout = checkout
    return app


def alerts_of(app: App) -> list:
    return list(app.client.list("WorkflowType = 'polyrhythm.alert'"))


def test_a_permanent_failure_of_a_task_is_told_at_once(receiver):
    with make_app(Alert(webhook=f"{receiver.url}/hook", headers={"X-Team": "shop"})) as app:
        run = app.checkout.start(-1)
        with pytest.raises(WorkflowFailed):
            run.result()
        status, path, headers, body = receiver.take()
        assert (status, path, headers["X-Team"]) == (200, "/hook", "shop")
        assert headers["Idempotency-Key"] == body["key"]
        assert (body["app"], body["kind"], body["name"]) == ("shop", "task", "charge")
        assert (body["error"], body["message"]) == ("CardDeclined", "card declined")
        assert (body["workflow_id"], body["run_id"]) == (run.workflow_id, run.at().history.run_id)
        assert "card declined" in body["text"]
        (alert,) = alerts_of(app)
        app.client.run(alert.workflow_id).result(timeout="20s")
    assert receiver.got.empty()


def test_attempts_used_up_are_told_and_those_that_are_not_are_not(receiver):
    with make_app(Alert(webhook=receiver.url)) as app:
        assert app.checkout.execute(2) == 2
        with pytest.raises(WorkflowFailed):
            app.checkout.execute(3)
        body = receiver.take()[3]
        assert (body["error"], body["message"], body["attempt"]) == (
            "RuntimeError",
            "attempt 2",
            2,
        )
        assert len(alerts_of(app)) == 1


def test_failures_of_one_kind_share_a_fingerprint_and_have_their_own_keys(receiver):
    with make_app(Alert(webhook=receiver.url)) as app:
        for _ in range(2):
            with pytest.raises(WorkflowFailed):
                app.checkout.execute(-1)
        one, other = receiver.take()[3], receiver.take()[3]
    assert one["fingerprint"] == other["fingerprint"]
    assert one["key"] != other["key"]


@pytest.mark.parametrize("settings", [{}, {"cached_runs_max": 0}])
def test_a_run_that_fails_is_told_when_no_retry_follows(receiver, settings):
    app = App("runs", durability="memory", **settings)

    @app.workflow(alert=Alert(chat=receiver.url), retry=Retry(initial=0.01, max_attempts=2))
    async def breaks(word: str) -> None:
        raise ValueError(word)

    with app:
        with pytest.raises(WorkflowFailed):
            breaks.execute("so it is")
        body = receiver.take()[3]
        assert set(body) == {"text"}
        assert "runs: workflow breaks failed" in body["text"]
        assert "ValueError: so it is" in body["text"]
        assert len(alerts_of(app)) == 1


def test_a_receiver_that_is_away_is_asked_again_and_one_that_refuses_is_not(receiver):
    receiver.statuses = [503, 200, 403]
    with make_app(Alert(webhook=receiver.url)) as app:
        with pytest.raises(WorkflowFailed):
            app.checkout.execute(-1)
        assert [receiver.take()[0], receiver.take()[0]] == [503, 200]
        with pytest.raises(WorkflowFailed):
            app.checkout.execute(-1)
        assert receiver.take()[0] == 403
        newest = alerts_of(app)[0]
        with pytest.raises(WorkflowFailed, match="answered 403"):
            app.client.run(newest.workflow_id).result(timeout="20s")
    assert receiver.got.empty()


class Mailbox:
    """Enough of SMTP to take a mail."""

    def __init__(self) -> None:
        self.mails: queue.Queue = queue.Queue()
        self._thread = LoopThread("mailbox")
        self._server = server = self._thread.run(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _talk(self, reader, writer) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.mails.put(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    def close(self) -> None:
        self._thread.run(shut(self._server))
        self._thread.close()


@pytest.fixture
def mailbox():
    one = Mailbox()
    yield one
    one.close()


def test_a_mail_and_a_line_of_the_log(caplog, mailbox):
    alert = Alert(email=("a@example.org", "b@example.org"), smtp=mailbox.url, log=True)
    with caplog.at_level(logging.ERROR, "polyrhythm.alert"), make_app(alert) as app:
        with pytest.raises(WorkflowFailed):
            app.checkout.execute(-1)
        (started,) = alerts_of(app)
        app.client.run(started.workflow_id).result(timeout="20s")
    mail = message_from_bytes(mailbox.mails.get(timeout=20), policy=modern)
    assert mail["To"] == "a@example.org, b@example.org"
    assert mail["Subject"] == "shop: task charge failed: CardDeclined"
    assert "card declined" in mail.get_content()
    (record,) = [one for one in caplog.records if one.name == "polyrhythm.alert"]
    assert "CardDeclined: card declined" in record.message


def test_an_alert_survives_a_kill_between_failure_and_delivery(receiver, tmp_path):
    """The receiver refuses until the first process is dead; the second delivers, once."""
    receiver.statuses = [503] * 1000
    environment = {**os.environ, "ALERT_URL": receiver.url, "ALERT_FILE": str(tmp_path / "a.db")}
    command = [sys.executable, str(PROGRAM)]
    with subprocess.Popen([*command, "fail"], env=environment, stdout=subprocess.PIPE) as first:
        assert receiver.take()[0] == 503
        assert first.stdout.readline() == b"waits\n"
        first.send_signal(signal.SIGKILL)
    receiver.statuses = []
    done = subprocess.run([*command, "wait"], env=environment, check=False, timeout=60)
    assert done.returncode == 0
    bodies = []
    while not receiver.got.empty():
        status, _, _, body = receiver.take()
        if status == 200:
            bodies.append(body)
    (body,) = bodies
    assert body["message"] == "card declined"


@pytest.mark.parametrize(
    ("given", "text"),
    [({}, "tells somebody"), ({"webhook": "ftp://x"}, "url of http"), ({"chat": "nope"}, "chat")],
)
def test_alerts_that_reach_nobody_are_refused(given, text):
    with pytest.raises(MisuseError, match=text):
        Alert(**given)

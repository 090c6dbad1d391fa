"""Jobs that are a command of the shell or a call over HTTP: how they end, and what is kept."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from polyrhythm import App
from polyrhythm.cron import Commands
from polyrhythm.sdk.errors import MisuseError


def answer(handler: BaseHTTPRequestHandler) -> None:
    """Answer with the status that the path names, and say what was sent."""
    sent = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
    handler.send_response(int(handler.path[1:4]))
    handler.end_headers()
    handler.wfile.write(f"{handler.command} {handler.headers.get('X-Key')} {sent}".encode())


def be_silent(*_arguments: object) -> None:
    """Write no log."""


VERBS = {"do_GET": answer, "do_POST": answer, "log_message": be_silent}
Answers = type("Answers", (BaseHTTPRequestHandler,), VERBS)


@pytest.fixture(scope="module")
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def commands():
    app = App("commands", durability="memory")
    commands = Commands(app)
    with app:
        yield commands


def refused(signature) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what a task raised, by its name
        signature.execute()
    error = caught.value
    return f"{error} {error.__cause__}"


def test_a_command_and_what_it_said(commands, tmp_path: Path):
    signature = commands.shell(
        "echo $WORD; pwd >&2", folder=str(tmp_path), variables={"WORD": "hi"}
    )
    result = signature.execute()
    assert (result.code, result.cut) == (0, False)
    assert result.output.split() == ["hi", str(tmp_path)]


def test_only_the_end_of_much_output_is_kept(commands):
    result = commands.shell("seq 1 100000").execute()
    assert result.cut
    assert len(result.output) == 65_536
    assert result.output.endswith("99999\n100000\n")


def test_another_code_is_a_failure_unless_it_is_expected(commands):
    assert "exit code 3: oh no" in refused(commands.shell("echo oh no; exit 3"))
    assert commands.shell("exit 3", codes=[0, 3]).execute().code == 3


def test_a_command_that_takes_too_long_ends_with_all_that_it_began(commands, tmp_path: Path):
    mark = tmp_path / "mark"
    command = f"(sleep 2; touch {mark}) & echo begun; sleep 100"
    assert "not done in 0.5 s: begun" in refused(commands.shell(command, timeout=0.5))
    probe = commands.shell(f"sleep 2.2; test ! -e {mark}")
    assert probe.execute().code == 0


def test_a_word_may_mean_failure(commands, host):
    assert "the output has 'ERROR': ERROR 7" in refused(
        commands.shell("echo fine; echo ERROR 7", fails_on="ERROR")
    )
    assert "WordFound" in refused(commands.http(f"{host}/200", fails_on="GET"))


def test_a_call_and_its_answer(commands, host):
    call = commands.http(f"{host}/201", method="POST", headers={"X-Key": "k"}, body="tea")
    assert (call.execute().status, call.execute().body) == (201, "POST k tea")


def test_another_status_is_a_failure_unless_it_is_expected(commands, host):
    assert "status 503: GET None" in refused(commands.http(f"{host}/503"))
    assert commands.http(f"{host}/503", expected=[503]).execute().status == 503
    assert "did not answer" in refused(commands.http("http://127.0.0.1:9/"))


def test_it_is_tried_again(commands, tmp_path: Path):
    file = tmp_path / "tries"
    command = f"echo x >> {file}; test $(wc -l < {file}) -ge 2"
    assert commands.shell(command, retry=3).execute().code == 0


def test_what_cannot_be_meant_is_refused(commands):
    for wrong in ("", "  ", "a\0b"):
        with pytest.raises(MisuseError, match="text for a shell"):
            commands.shell(wrong)
    for wrong in ("ftp://host", "file:///etc/passwd", "example.com", "http://"):
        with pytest.raises(MisuseError, match="http://"):
            commands.http(wrong)
    with pytest.raises(MisuseError, match="BREW"):
        commands.http("http://host", method="BREW")
    with pytest.raises(MisuseError, match="no setting colour"):
        commands.http("http://host", colour="red")
    with pytest.raises(MisuseError, match="longer than nothing"):
        commands.shell("true", timeout=0)


def test_they_run_as_jobs():
    app = App("night", durability="memory")
    commands = Commands(app)
    app.every("10h", id="say")(commands.shell("echo moon"))
    with app:
        app.jobs.run("say")
        while not (recent := app.jobs.get("say").recent):
            pass
        result = app.client.run(recent[0].workflow_id).result()
    assert result["output"] == "moon\n"

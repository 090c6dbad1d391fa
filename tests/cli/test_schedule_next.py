"""`poly schedule next` answers lines of JSON as robfig/cron does, and says what is wrong."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.schedule_flags import DialectName, NextFlags
from polyrhythm.cli.schedule_next import run

CORPUS = Path(__file__).parents[1] / "corpus" / "cron"


def asked(monkeypatch: Any, capsys: Any, requests: list[Any], **flags: Any) -> list[Any]:
    """The answers to lines, one each."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in requests]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    assert run(NextFlags(stdin=True, **flags)) == ExitCode.OK
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_sequences_of_the_corpus(monkeypatch: Any, capsys: Any) -> None:
    cases = json.loads((CORPUS / "sequences.json").read_text())["cases"]
    requests = [
        {
            "spec": case["spec"],
            "tz": case["tz"],
            "from": case["from"],
            "count": len(case.get("expected", "123456")),
            "seconds": case["parser"] == "seconds",
        }
        for case in cases
    ]
    answers = asked(monkeypatch, capsys, requests, dialect=DialectName.GOCRON)
    assert len(answers) == len(cases)
    for case, answer in zip(cases, answers, strict=True):
        if case["kind"] == "sequence":
            # None: no further time within five years.
            assert answer["times"] == [text for text in case["expected"] if text]
        else:
            assert len(answer["times"]) == 6


def test_next_times_of_the_corpus(monkeypatch: Any, capsys: Any) -> None:
    found = json.loads((CORPUS / "robfig.json").read_text())["cases"]
    cases = [case for case in found if case["kind"] in ("next", "invalid")]
    requests = [
        {
            "spec": case["spec"],
            "tz": case.get("tz"),
            "from": case.get("from"),
            "count": 1,
            "seconds": case["parser"] == "seconds",
        }
        for case in cases
    ]
    answers = asked(monkeypatch, capsys, requests, dialect=DialectName.GOCRON)
    for case, answer in zip(cases, answers, strict=True):
        if case["kind"] == "invalid":
            assert not answer["times"]
            assert case.get("error_contains", "") in answer["error"]
        else:
            found = [datetime.fromisoformat(text) for text in answer["times"]]
            assert found == [datetime.fromisoformat(text) for text in [case["expected"]] if text]


@pytest.mark.parametrize(
    ("request_line", "words"),
    [
        ("nothing", "no JSON"),
        ("[1]", "object"),
        ({}, "texts"),
        ({"spec": 5}, "texts"),
        ({"spec": "* * * * *", "tz": "Mars/Base"}, "unknown time zone Mars/Base"),
        ({"spec": "* * * * *", "from": "soon"}, "ISO 8601"),
        ({"spec": "* * * * *", "from": 7}, "from"),
        ({"spec": "* * * * *", "count": -1}, "count"),
        ({"spec": "* * * * *", "count": "3"}, "count"),
        ({"spec": "* * * * *", "count": 1e9}, "count"),
        ({"spec": "* * * * *", "seconds": "yes"}, "seconds"),
        ({"spec": "61 * * * *"}, "minute"),
        ({"spec": "0 0 30 2 *"}, "no further time"),
        ({"spec": "@triggered"}, "no further time"),
    ],
)
def test_bad_requests(monkeypatch: Any, capsys: Any, request_line: Any, words: str) -> None:
    good = {"spec": "@daily", "from": "2026-01-01T00:00:00Z", "count": 1}
    first, second = asked(monkeypatch, capsys, [request_line, good])
    assert first["times"] == []
    assert words in first["error"]
    assert second == {"times": ["2026-01-02T00:00:00Z"]}


def test_one_spec(capsys: Any) -> None:
    flags = NextFlags(spec="@every 500ms", from_time="2026-01-01T00:00:00Z", count=2)
    assert run(flags) == ExitCode.OK
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["2026-01-01T00:00:00.500000Z", "2026-01-01T00:00:01Z"]
    flags.json = True
    assert run(flags) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"times": shown}


def test_the_zone_that_times_are_shown_in(capsys: Any) -> None:
    flags = NextFlags(spec="TZ=Asia/Kathmandu 0 0 * * *", from_time="2026-01-01T00:00Z", count=1)
    assert run(flags) == ExitCode.OK
    flags.tz = "Europe/Berlin"
    assert run(flags) == ExitCode.OK
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["2026-01-02T00:00:00+05:45", "2026-01-01T19:15:00+01:00"]


def test_exit_codes(capsys: Any) -> None:
    assert run(NextFlags()) == ExitCode.USAGE
    assert run(NextFlags(spec="@daily", stdin=True)) == ExitCode.USAGE
    assert run(NextFlags(spec="99 * * * *")) == ExitCode.USAGE
    assert run(NextFlags(spec="@daily", switches="days=xor", json=True)) == ExitCode.USAGE
    assert run(NextFlags(spec="0 0 30 2 *")) == ExitCode.FAILED
    assert run(NextFlags(spec="0 0 1 1 *", tz="+05:30")) == ExitCode.OK
    assert capsys.readouterr().out.count("+05:30") == 5

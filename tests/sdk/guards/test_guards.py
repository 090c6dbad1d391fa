"""Workflow code is warned of, and kept from, what a replay could not repeat."""

import os
import random
import re
import socket
import subprocess
import sys
import time
import uuid
import warnings
from datetime import UTC, datetime
from datetime import datetime as when
from pathlib import Path
from random import choice

import pytest

from polyrhythm.sdk.guards import (
    DeterminismWarning,
    NotInWorkflows,
    find_suspects,
    guarded,
    install,
    warn_of,
)


def suspicious() -> list[object]:
    return [
        time.time(),
        random.random(),
        choice([1]),
        uuid.uuid4(),
        os.environ.get("HOME"),
        datetime.now(),  # noqa: DTZ005
        when.utcnow(),  # noqa: DTZ003
        open("x"),
    ]


def innocent(time: object) -> list[object]:
    random = [time]
    return [
        random.index(time),
        uuid.UUID(int=0),
        datetime(2026, 1, 1, tzinfo=UTC),
        os.path.join("a", "b"),
    ]


def test_every_suspect_is_found_with_its_line() -> None:
    found = find_suspects(suspicious)
    first = suspicious.__code__.co_firstlineno
    assert [(one.what, one.line - first) for one in found] == [
        ("time.time", 2),
        ("random.random", 3),
        ("choice", 4),
        ("uuid.uuid4", 5),
        ("os.environ.get", 6),
        ("datetime.now", 7),
        ("when.utcnow", 8),
        ("open", 9),
    ]
    assert found[0].instead == "wf.now()"


def test_the_users_own_names_are_not_taken_for_modules() -> None:
    assert find_suspects(innocent) == []


def test_a_function_without_a_source_is_left_alone() -> None:
    assert find_suspects(eval("lambda: time.time()", globals())) == []


def test_the_warning_names_the_place_and_what_to_use() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of(suspicious)
    assert len(caught) == 8
    assert caught[0].category is DeterminismWarning
    assert re.search(
        r"test_guards\.py:\d+: time\.time may differ .* use wf\.now\(\)", str(caught[0].message)
    )


@pytest.mark.parametrize(
    "act",
    [
        lambda: Path(__file__).read_text(encoding="utf-8"),
        lambda: socket.socket(socket.AF_INET),
        lambda: subprocess.run([sys.executable, "-V"], check=True),
        lambda: sys.audit("time.sleep", 0),
        lambda: os.listdir("."),
    ],
    ids=["open", "socket", "process", "sleep", "listdir"],
)
def test_what_only_a_task_may_do_is_refused_in_workflow_code(act: object) -> None:
    install()
    install()
    assert callable(act)
    where = rf"^{re.escape(__file__)}:\d+: .* refused inside a workflow"
    with pytest.raises(NotInWorkflows, match=where), guarded():
        act()


def test_imports_and_tracebacks_read_their_files() -> None:
    install()
    sys.modules.pop("this_is_nowhere", None)
    sys.modules.pop("antigravity", None)
    with guarded():
        import colorsys
        import traceback

        try:
            raise ValueError("x")
        except ValueError:
            assert "ValueError" in traceback.format_exc()
    assert colorsys.__name__ == "colorsys"


def test_outside_of_workflow_code_nothing_is_refused() -> None:
    install()
    with guarded():
        pass
    assert Path(__file__).exists()
    with socket.socket() as one:
        assert one.fileno() >= 0

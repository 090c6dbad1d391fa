"""A damaged byte of one run's log: that run says DATA_LOSS, everything else goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, poll_request, signal_request, start_request, timer
from polyrhythm.base.errors import DataLoss
from polyrhythm.base.limits import Limits
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.engine.calls import ListRuns
from polyrhythm.engine.turn import fold_run
from polyrhythm.service.status import code_name_of
from polyrhythm.stores.port import RunFilter
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore

NAMES = ("a", "b", "c")


class FileRig:
    """A rig over a file, which another process may harm while it is closed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rig = Rig(Limits(snapshot_rows=3), store=self.open_store())

    def __getattr__(self, name: str) -> Any:
        """Everything else is the rig's."""
        return getattr(self.rig, name)

    def open_store(self) -> SqliteStore:
        return SqliteStore(self.file, SqliteSettings(reserve_bytes=0))

    def damage(self, sql: str) -> None:
        """Change the file behind the store's back, and come back to it."""
        self.rig.store.close()
        with apsw.Connection(str(self.file)) as connection:
            connection.execute(sql)
            assert connection.changes()
        connection.close()
        self.rig.store = self.open_store()
        self.rig.lane = self.rig.open()


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    rig = FileRig(tmp_path / "shop.db")
    for name in NAMES:
        rig.call(start_request(name))
    yield rig
    rig.store.close()


def describe(workflow_id: str) -> ws.DescribeWorkflowExecutionRequest:
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    return request


def history(workflow_id: str) -> ws.GetWorkflowExecutionHistoryRequest:
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = workflow_id
    return request


FLIP = "UPDATE log SET {0} = CAST(substr({0}, 1, 5) || 'x' || substr({0}, 7) AS BLOB) "


@pytest.mark.parametrize("column", ["events", "notes"])
def test_only_the_damaged_run_is_lost(rig: FileRig, column: str) -> None:
    rig.damage(FLIP.format(column) + "WHERE run_key = 2 AND sequence = 1")
    for request in (describe("b"), history("b"), signal_request("b")):
        with pytest.raises(DataLoss, match="run 2") as caught:
            rig.call(request)
        assert code_name_of(caught.value) == "DATA_LOSS"
    for name in ("a", "c"):
        rig.call(signal_request(name))
        assert rig.events(name)[-1] == "WORKFLOW_EXECUTION_SIGNALED"
    # Its offer is passed over, the others are handed out; lists show its row.
    polled = [rig.poll().workflow_execution.workflow_id for _ in range(2)]
    assert polled == ["a", "c"]
    waiting = rig.submit(poll_request())
    rig.turn()
    assert not waiting.done
    page = rig.call(ListRuns(RunFilter(1)))
    assert {info.execution.workflow_id for info in page.infos} == set(NAMES)


def test_a_log_whose_end_is_lost_is_not_taken_for_the_whole(rig: FileRig) -> None:
    rig.call(signal_request("b"))
    rig.damage("DELETE FROM log WHERE run_key = 2 AND sequence = 2")
    for request in (describe("b"), history("b"), signal_request("b")):
        with pytest.raises(DataLoss, match="run 2: the end of its log is missing"):
            rig.call(request)
    rig.call(signal_request("c"))
    assert rig.events("c")[-1] == "WORKFLOW_EXECUTION_SIGNALED"


def test_a_row_of_no_known_kind_is_a_damaged_one(rig: FileRig) -> None:
    stored = rig.rig.store.load_run(2, FOLD_VERSION)
    stored.row.kind = 77
    with pytest.raises(DataLoss, match="run 2: kind 77 is unknown"):
        fold_run(stored)


def test_deadlines_of_a_damaged_run_hold_nobody_up(rig: FileRig) -> None:
    for _ in NAMES:
        rig.run_commands(timer("t", 10))
    rig.damage(FLIP.format("events") + "WHERE run_key = 1 AND sequence = 1")
    rig.advance(11)
    for name in ("b", "c"):
        assert "TIMER_FIRED" in rig.events(name)
    # The lane does not ask for turns without end.
    assert rig.lane.next_ns() > rig.now_ns


def test_a_damaged_snapshot_costs_a_longer_fold_and_nothing_else(rig: FileRig) -> None:
    for _ in range(5):
        rig.call(signal_request("b"))
    rig.damage("UPDATE snapshots SET body = CAST('x' || substr(body, 2) AS BLOB)")
    assert rig.events("b").count("WORKFLOW_EXECUTION_SIGNALED") == 5
    rig.call(signal_request("b"))
    assert rig.events("b").count("WORKFLOW_EXECUTION_SIGNALED") == 6

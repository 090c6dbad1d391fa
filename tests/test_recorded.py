"""What a real Temporal server answered, in the nouns that are built: every event, error, detail.

One server and one pass over the scenarios serve all tests here, in one worker; a failing noun shows
what differs. Longer nouns are left to `make conformance`.
"""

import pytest

from conformance import Verdict, run_scenarios
from poly_process import PolyProcess

# A minute at most: these wait for timers for about 70 s in all, three at a time.
NOUNS = (
    "start_close",
    "activities",
    "timers",
    "signals",
    "queries",
    "cancel_terminate",
    "external",
    "retries_timeouts",
    "raw_commands",
    "children",
    "continue_as_new",
    "updates",
    "reset",
    "workflow_options",
    "bad",
    "with_start",
    "sticky",
    "closed_runs",
    "bad_commands",
    "request_ids",
    "history_reads",
    "query_rules",
    "task_answers",
    "chain_ends",
    "update_ends",
    "sizes",
    "reset_choices",
    "activity_ops",
    "chain_rules",
    "child_rules",
    "reset_rules",
    "speculative",
    "visibility",
    "visibility_rules",
    "build_ids",
    "deployments",
    "standalone_activities",
    "standalone_rules",
    "batches",
    "schedules",
    "schedule_rules",
    "queue_config",
    "workers",
    "transitions",
    "priorities",
)

pytestmark = [
    pytest.mark.xdist_group("recorded"),
    # The corpus's runner, copied as it is, leaves the pipe of its child to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> list[Verdict]:
    with PolyProcess(tmp_path_factory.mktemp("recorded")) as server:
        return run_scenarios(server.address, NOUNS, at_once=3)


@pytest.mark.parametrize("noun", NOUNS)
def test_answers_are_those_of_the_real_server(noun, verdicts):
    mine = [verdict for verdict in verdicts if verdict.name.startswith(f"{noun}.")]
    assert mine
    wrong = [verdict for verdict in mine if not verdict.is_expected]
    shown = ["\n".join([f"{v.name}: {v.word} {v.note}", *v.diff]) for v in wrong]
    assert not wrong, "\n\n".join(shown)

"""The simulator notices planted bugs: each within a few seeds that the real engine passes."""

import pytest

from polyrhythm.testing.mutants import MUTANTS
from polyrhythm.testing.simulate import Outcome, run_seed

# Every planted bug is found within so many seeds; most by the first or second.
SEEDS = 30

# The rules that may notice a bug; another would mean that it was found by accident.
RULES = {
    "acknowledge_before_commit": {"acknowledged", "history"},
    "skip_the_attempt_check": {"stale"},
    "drop_timers": {"liveness"},
    "lose_messages": {"liveness"},
    "deliver_twice": {"messages", "dedupe"},
    "ignore_the_epoch": {"fencing"},
    "lose_the_buffer": {"buffer", "liveness", "attempt"},
    "lose_a_buffered_event": {"buffer"},
    "forget_work_at_start": {"liveness"},
    "never_read_back": {"liveness"},
    "apply_without_log": {"fold"},
    "fire_early": {"row", "early"},
    "keep_states_of_failed_commits": {"fold"},
    "hand_out_started_tasks": {"handed out twice"},
    "leave_parents_waiting": {"family"},
    "ignore_close_policies": {"close policy"},
    "start_successors_early": {"early"},
    "retry_workflows_for_ever": {"chain"},
    "start_successors_twice": {"start", "one open run", "chain", "fold"},
    "admit_updates_again": {"update"},
    "tell_another_outcome": {"outcome"},
    "lose_signals_of_a_reset": {"fork"},
    "forget_pauses": {"pause", "row"},
    "meet_runs_of_batches_again": {"once", "dedupe", "liveness"},
    "leave_runs_of_batches_out": {"all met"},
    "give_back_at_once": {"postponed"},
    "hand_pinned_activities_to_anybody": {"version"},
    "pin_in_name_only": {"version", "row"},
    "ramp_by_chance": {"ramp"},
    "drain_too_soon": {"drainage"},
    "take_plain_answers_of_any_attempt": {"attempt", "acknowledged"},
    "retry_plain_activities_at_once": {"backoff"},
    "start_plain_activities_again": {"one open run", "policy"},
    "count_attempts_given_back": {"postponed", "attempt", "early"},
}


def first_finding(name: str) -> Outcome:
    for seed in range(SEEDS):
        with MUTANTS[name]():
            outcome = run_seed(seed)
        if outcome.rule:
            return outcome
    pytest.fail(f"{name} was not noticed in {SEEDS} seeds")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    outcome = first_finding(name)
    assert outcome.rule in RULES[name], f"{outcome.rule}: {outcome.text}"


@pytest.mark.parametrize("part", range(3))
def test_the_engine_without_bugs_passes_the_same_seeds(part: int) -> None:
    outcomes = [run_seed(seed) for seed in range(part, SEEDS, 3)]
    assert not [(outcome.seed, outcome.rule) for outcome in outcomes if outcome.rule]

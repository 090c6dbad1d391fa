"""Retry maths: the server's table of cases, and what must hold for any numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.base.retry import (
    RetryTerms,
    Verdict,
    exponential_ns,
    fill_terms,
    next_interval_ns,
    next_retry,
)

S = SECOND_NS
FOREVER_NS = 2**63 - 1

spans = st.integers(min_value=0, max_value=FOREVER_NS)
coefficients = st.floats(min_value=1, max_value=1e308)
attempts = st.integers(min_value=1, max_value=2**31 - 1)
terms = st.builds(RetryTerms, spans, coefficients, spans, st.integers(0, 100))


@pytest.mark.parametrize(
    ("attempt", "interval"), [(1, 1), (2, 2), (3, 4), (7, 64), (8, 100), (9, 100), (10_000, 100)]
)
def test_the_default_policy_doubles_up_to_a_hundred_seconds(attempt, interval):
    defaults = fill_terms(RetryTerms(), Limits())
    assert next_interval_ns(defaults, attempt) == interval * S


def test_defaults_fill_only_what_is_unset():
    assert fill_terms(RetryTerms(), Limits()) == RetryTerms(S, 2.0, 100 * S, 0)
    assert fill_terms(RetryTerms(3 * S, 0, 0, 4), Limits()) == RetryTerms(3 * S, 2.0, 300 * S, 4)
    given_all = RetryTerms(3 * S, 1.5, 7 * S, 9)
    assert fill_terms(given_all, Limits()) == given_all


def test_the_default_maximum_stays_a_duration():
    limits = Limits()
    century = limits.duration_ns_max
    assert fill_terms(RetryTerms(century), limits).maximum_ns == century


def test_attempts_count_the_first_one():
    policy = RetryTerms(S, 2.0, 100 * S, attempts_max=2)
    assert next_retry(policy, 1, 0, 0) == (Verdict.AGAIN, S)
    assert next_retry(policy, 2, 0, 0) == (Verdict.ATTEMPTS_USED_UP, 0)
    assert next_retry(policy, 3, 0, 0) == (Verdict.ATTEMPTS_USED_UP, 0)


def test_an_attempt_due_at_the_expiry_is_made_and_one_past_it_is_not():
    policy = RetryTerms(S, 1.0, 100 * S)
    assert next_retry(policy, 1, 9 * S, 10 * S) == (Verdict.AGAIN, S)
    assert next_retry(policy, 1, 9 * S + 1, 10 * S) == (Verdict.TOO_LATE, 0)


def test_a_delay_of_the_failure_replaces_interval_and_maximum():
    policy = RetryTerms(S, 2.0, 5 * S, attempts_max=2)
    assert next_retry(policy, 1, 0, 0, delay_ns=60 * S) == (Verdict.AGAIN, 60 * S)
    assert next_retry(policy, 1, 0, 30 * S, delay_ns=60 * S) == (Verdict.TOO_LATE, 0)
    assert next_retry(policy, 1, 0, 0, delay_ns=-S) == (Verdict.AGAIN, -S)
    assert next_retry(policy, 2, 0, 0, delay_ns=S) == (Verdict.ATTEMPTS_USED_UP, 0)


def test_a_delay_of_zero_is_no_interval():
    # As on the server, which takes the delay for the maximum as well.
    assert next_retry(RetryTerms(S, 2.0, 5 * S), 1, 0, 0, delay_ns=0) == (Verdict.TOO_LATE, 0)


def test_an_interval_without_maximum_saturates():
    assert next_interval_ns(RetryTerms(S, 10.0), 10_000) == FOREVER_NS
    assert next_interval_ns(RetryTerms(S, float("inf")), 2) == FOREVER_NS
    assert next_interval_ns(RetryTerms(S, float("nan"), 5 * S), 2) == 5 * S


@given(spans, coefficients, attempts)
def test_intervals_never_leave_63_bits(initial_ns, coefficient, attempt):
    assert 0 <= exponential_ns(initial_ns, coefficient, attempt) <= FOREVER_NS


@given(spans, coefficients, attempts, attempts)
def test_intervals_never_shrink(initial_ns, coefficient, one, other):
    sooner, later = sorted((one, other))
    before = exponential_ns(initial_ns, coefficient, sooner)
    assert before <= exponential_ns(initial_ns, coefficient, later)


@given(terms, attempts, spans, spans)
def test_a_retry_keeps_within_its_policy(policy, attempt, now_ns, expires_ns):
    verdict, interval = next_retry(policy, attempt, now_ns, expires_ns)
    if verdict is Verdict.AGAIN:
        assert interval > 0
        assert not policy.maximum_ns or interval <= policy.maximum_ns
        assert not expires_ns or now_ns + interval <= expires_ns
        assert not policy.attempts_max or attempt < policy.attempts_max
    else:
        assert interval == 0


@given(terms, attempts, spans)
def test_more_attempts_allowed_never_mean_fewer_retries(policy, attempt, now_ns):
    endless = RetryTerms(policy.initial_ns, policy.coefficient, policy.maximum_ns)
    if next_retry(policy, attempt, now_ns, 0)[0] is Verdict.AGAIN:
        assert next_retry(endless, attempt, now_ns, 0) == next_retry(policy, attempt, now_ns, 0)


@given(terms)
def test_filled_terms_are_a_fixed_point(policy):
    filled = fill_terms(policy, Limits())
    assert fill_terms(filled, Limits()) == filled
    assert filled.initial_ns > 0
    assert filled.maximum_ns > 0

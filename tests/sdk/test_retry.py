"""Retry strategies: what they answer, and what of them a service's own policy can say."""

import random

import pytest
from temporalio.api.common.v1 import RetryPolicy

from polyrhythm.base.durations import parse_rate, parse_span
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.sdk.errors import Failure, MisuseError, Permanent, RetryAfter
from polyrhythm.sdk.link import Traits
from polyrhythm.sdk.retry import (
    Bucket,
    ByError,
    Exponential,
    Fibonacci,
    Fixed,
    Retry,
    TokenBucket,
    bucket_for,
    check_traits,
    next_delay_s,
    to_policy,
)


class DeclinedError(Exception):
    pass


class DeclinedForEverError(DeclinedError):
    pass


def delays(strategy, error=None, count=8):
    """The delays after the first attempts; None ends them."""
    error = error or OSError("x")
    return [next_delay_s(strategy, n, error, lambda: 0.0) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Fixed("250ms"), [0.25] * 8),
        (Fixed("1s", max_attempts=3), [1, 1, None, None, None, None, None, None]),
        (Retry(), [1, 2, 4, 8, 16, 32, 64, 100]),
        (Retry(initial="2s", backoff=3, maximum="20s"), [2, 6, 18, 20, 20, 20, 20, 20]),
        (Exponential(initial="1s", backoff=1), [1] * 8),
        (Fibonacci("1s"), [1, 1, 2, 3, 5, 8, 13, 21]),
        (Fibonacci("2s", maximum="9s", max_attempts=7), [2, 2, 4, 6, 9, 9, None, None]),
        (TokenBucket("api", "10/s", inner=Fixed("3s", 2)), [3] + [None] * 7),
        (Retry(final=(OSError,)), [None] * 8),
        (Retry(final=("OSError",)), [None] * 8),
        (Retry(final=(DeclinedError, "Other")), [1, 2, 4, 8, 16, 32, 64, 100]),
    ],
    ids=str,
)
def test_delays(strategy, expected):
    assert delays(strategy) == expected


def test_far_attempts_stay_at_the_maximum():
    assert next_delay_s(Retry(), 10_000, OSError(), lambda: 0.0) == 100
    assert next_delay_s(Retry(backoff=1e300, maximum="1h"), 2, OSError(), lambda: 0.0) == 3600
    assert next_delay_s(Fibonacci("1s", maximum="1h"), 10_000, OSError(), lambda: 0.0) == 3600


def test_jitter_takes_away_at_most_its_share_and_spreads():
    chance = random.Random(7).random
    seen = [
        next_delay_s(Retry(initial="10s", jitter=0.2), 1, OSError(), chance) for _ in range(1000)
    ]
    assert 8 <= min(seen) < 8.1
    assert 9.9 < max(seen) <= 10
    assert abs(sum(seen) / 1000 - 9) < 0.1


def test_the_strategy_follows_the_error():
    strategy = ByError(
        {DeclinedForEverError: None, DeclinedError: Fixed("1m", 3), "Timeout": Fibonacci("5s")},
        Retry(max_attempts=2),
    )
    assert delays(strategy, DeclinedForEverError())[0] is None
    assert delays(strategy, DeclinedError())[:3] == [60, 60, None]
    assert delays(strategy, Failure("x", type="Timeout"))[:3] == [5, 5, 10]
    assert delays(strategy, OSError())[:2] == [1, None]
    assert delays(ByError({DeclinedError: Retry()}, None), OSError())[0] is None


def test_the_error_itself_has_the_last_word():
    assert delays(Fixed("1s"), Permanent("no"))[0] is None
    assert delays(Fixed("1s"), RetryAfter("90s"))[0] == 90
    # Not beyond the number of attempts.
    assert delays(Fixed("1s", max_attempts=1), RetryAfter("90s"))[0] is None


def policy(initial=0.0, factor=0.0, maximum=0.0, attempts=0, final=()):
    made = RetryPolicy(
        backoff_coefficient=factor, maximum_attempts=attempts, non_retryable_error_types=final
    )
    if initial:
        made.initial_interval.FromNanoseconds(round(initial * 1e9))
    if maximum:
        made.maximum_interval.FromNanoseconds(round(maximum * 1e9))
    return made


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (None, policy()),
        (Retry(5, "250ms", 3.0, "1m", 0.5, (DeclinedError, "X")),
         policy(0.25, 3, 60, 5, ["DeclinedError", "X"])),
        (Fixed("5s", 4), policy(5, 1, 5, 4)),
        (Fibonacci("2s", "1m"), policy(2, 1.618, 60)),
        (TokenBucket("k", "1/s", inner=Fixed("5s", 4)), policy(5, 1, 5, 4)),
        (ByError({DeclinedError: None, OSError: Fixed("1s", 9)}, Retry(3)),
         policy(1, 2, 0, 9, ["DeclinedError"])),
        (ByError({OSError: Fixed("1s", 0)}, Retry(3)), policy(1, 2, 0, 0)),
        (ByError({OSError: Fixed("1s", 4)}, None), policy(1, 1, 1, 4)),
        (ByError({OSError: None}, None), policy(attempts=1, final=["OSError"])),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_service_is_told(strategy, expected):
    assert to_policy(strategy) == expected


def test_a_token_bucket_names_its_bucket_and_needs_permits():
    bucket = TokenBucket("payments", rate="120/m", burst=5, inner=Retry())
    assert bucket_for(bucket, OSError()) == Bucket("payments", 2.0, 5)
    assert bucket_for(Retry(), OSError()) is None
    mixed = ByError({DeclinedError: bucket}, Fixed("1s"))
    assert bucket_for(mixed, DeclinedError()) == Bucket("payments", 2.0, 5)
    assert bucket_for(mixed, OSError()) is None
    check_traits(mixed, Traits("polyrhythm", permits=True), "charge")
    check_traits(Retry(), Traits("temporal"), "charge")
    with pytest.raises(MisuseError, match="'charge' retries by a token bucket, which temporal"):
        check_traits(mixed, Traits("temporal"), "charge")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retry(max_attempts=-1),
        lambda: Retry(initial=0),
        lambda: Retry(backoff=0.5),
        lambda: Retry(jitter=1.5),
        lambda: Retry(initial="10s", maximum="5s"),
        lambda: Fixed("-1s"),
        lambda: Fixed("soon"),
        lambda: Fibonacci("5s", maximum="1s"),
        lambda: TokenBucket("", "1/s"),
        lambda: TokenBucket("k", "0/s"),
        lambda: TokenBucket("k", "many"),
        lambda: TokenBucket("k", "1/s", burst=0),
    ],
)
def test_impossible_strategies_are_refused_when_they_are_made(make):
    with pytest.raises(InvalidArgument):
        make()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25), ("1s", 1), ("5m", 300), ("2h", 7200), ("30d", 2_592_000), ("1w", 604_800),
        ("1h30m", 5400), ("1.5s", 1.5), (".5s", 0.5), ("10us", 1e-5), (3, 3), (1.5, 1.5), (0, 0),
    ],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_span(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1 s", "-1s", "1y", -1, float("nan"), True, "9e9s", "200000d"]
)
def test_what_is_no_duration(text):
    with pytest.raises(InvalidArgument, match="is no duration"):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "count", "per_s"),
    [("100/m", 100, 60), ("5/s", 5, 1), ("10/30s", 10, 30), ("0.5/h", 0.5, 3600)],
)
def test_rates(text, count, per_s):
    rate = parse_rate(text)
    assert (rate.count, rate.per_s, rate.interval_s) == (count, per_s, per_s / count)

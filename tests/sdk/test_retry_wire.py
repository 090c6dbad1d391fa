"""A strategy reaches the worker as the caller wrote it."""

import random
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Header

from polyrhythm import App, ByError, Fibonacci, Fixed, Retry, TaskFailed, TokenBucket
from polyrhythm.sdk.retry import next_delay_s
from polyrhythm.sdk.retry_wire import RETRY_HEADER, is_plain, put_strategy, read_strategy
from polyrhythm.sdk.values import Converter

CONVERTER = Converter()


class DeclinedError(Exception):
    pass


class DeclinedForEverError(DeclinedError):
    pass


STRATEGIES = [
    Retry(5, "250ms", 3.0, "1m", 0.5, (DeclinedError,)),
    Retry(initial=timedelta(seconds=2), final=("Other",)),
    Fixed("5s", 4, 0.1),
    Fibonacci("2s", "1m", 9),
    ByError({DeclinedError: None, "Other": Fixed("1s")}, Retry(3)),
    ByError({DeclinedError: Fibonacci()}, None),
    TokenBucket("k", "100/m", 5, ByError({OSError: Fixed("3s")})),
]


def over_the_wire(strategy):
    header = Header()
    put_strategy(header.fields, strategy, CONVERTER)
    return read_strategy(Header.FromString(header.SerializeToString()).fields, CONVERTER)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_it_answers_the_same_on_the_other_side(strategy):
    there = over_the_wire(strategy)
    assert type(there) is type(strategy)
    for error in (OSError("x"), DeclinedError("x"), DeclinedForEverError("x"), KeyError("x")):
        for attempt in (1, 2, 3, 4, 9):
            here = next_delay_s(strategy, attempt, error, random.Random(1).random)
            assert next_delay_s(there, attempt, error, random.Random(1).random) == here


def test_what_the_policy_says_needs_no_header():
    for strategy in (None, Retry(), Retry(3, "1s", 2, "9s"), Fixed("1s", 4)):
        assert is_plain(strategy)
        assert over_the_wire(strategy) is None


@pytest.mark.parametrize("parts", [{"kind": "later"}, {"kind": "fixed"}, "odd", [1], {"no": 1}])
def test_a_header_that_is_none_of_ours_leaves_the_policy(parts):
    header = Header()
    header.fields[RETRY_HEADER].CopyFrom(CONVERTER.encode(parts))
    assert read_strategy(header.fields, CONVERTER) is None


def test_the_callers_strategy_counts_and_not_the_declared_one():
    app = App("retry-tests", durability="memory")
    tries = {"slow": 0, "final": 0}

    @app.task(retry=Fixed("1h"))
    def flaky(name: str) -> int:
        tries[name] += 1
        if tries[name] < 4:
            raise DeclinedForEverError("again")
        return tries[name]

    @app.workflow
    async def calls() -> int:
        fast = flaky.options(retry=ByError({DeclinedError: Fibonacci("1ms")}, Fixed("1h")))
        done = await fast("slow")
        try:
            await flaky.options(retry=Fixed("1ms", final=(DeclinedError,)))("final")
        except TaskFailed:
            return done
        return -1

    with app:
        assert calls.start().result(timeout="20s") == 4
    assert tries == {"slow": 4, "final": 1}

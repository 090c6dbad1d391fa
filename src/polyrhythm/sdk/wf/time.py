"""Waits: for a time, for a condition. Days of waiting cost nothing, and outlive the process.

await wf.sleep("30d")
if not await wf.wait_for(lambda: approved, timeout="2h"):
    await remind(order)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.wf.inside import inside


def sleep(span: Span, summary: str = "") -> Awaitable[None]:
    """Wait; a durable timer, as `asyncio.sleep` is too inside a workflow."""
    return inside("wf.sleep()").start_timer(parse_span(span), summary)


async def wait_for(
    test: Callable[[], object],
    timeout: Span | None = None,  # noqa: ASYNC109
) -> bool:
    """Wait until `test()` is true; False when `timeout` was over first.

    The test is asked again after whatever changes the run: it must only read.
    """
    context = inside("wf.wait_for()")
    limit_s = None if timeout is None else parse_span(timeout)
    try:
        await context.wait_condition(test, limit_s)
    except TimeoutError:
        if limit_s is None:
            raise
        return False
    return True

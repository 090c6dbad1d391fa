"""What an order comes to: known to the program that does it and to the audit that checks it.

Only arithmetic of the order's number, so that nothing has to be kept beside the file.
"""

from __future__ import annotations

from typing import Any

STEPS = 5
CHILD_EVERY = 5
LEAF_STEP = 9


def value_of(number: int, step: int) -> int:
    """What a step of an order comes to."""
    return number * 10 + step


def has_child(number: int) -> bool:
    """Whether an order has a child workflow."""
    return number % CHILD_EVERY == 0


def expected(number: int) -> dict[str, Any]:
    """The result of an order, but for what was said to it."""
    leaf = value_of(number, LEAF_STEP) if has_child(number) else 0
    return {"steps": [value_of(number, step) for step in range(1, STEPS + 1)], "leaf": leaf}

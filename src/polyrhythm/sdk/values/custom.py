"""Types of the user's that JSON does not know: how one is taken apart and put together.

The parts are values that can be written themselves. Applies wherever the type stands, also inside
containers and fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Custom:
    """`take` turns a value into parts, `make` parts into a value again.

    `Custom(take=lambda money: [money.amount, money.currency], make=lambda p: Money(*p))`
    """

    take: Callable[[Any], Any]
    make: Callable[[Any], Any]


Customs = Mapping[type, Custom]

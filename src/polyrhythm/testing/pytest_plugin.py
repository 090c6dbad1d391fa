"""The pytest plugin `polyrhythm`: the fixture `polyrhythm_stage` opens stages for tests that block.

    def test_checkout(polyrhythm_stage):
        stage = polyrhythm_stage(app)
        assert checkout.execute(order) == "shipped"

Loaded by pytest wherever this package is installed, so it imports nothing until a test asks for the
fixture. A test that lives on a loop uses `async with Stage(app)` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from polyrhythm import testing

if TYPE_CHECKING:
    from polyrhythm.testing import Stage


@pytest.fixture
def polyrhythm_stage() -> Iterator[Callable[..., Stage]]:
    """Return a function with the arguments of Stage that opens one until the test is over."""
    with ExitStack() as open_stages:

        def open_stage(*args: Any, **settings: Any) -> Stage:
            return open_stages.enter_context(testing.Stage(*args, **settings))

        yield open_stage

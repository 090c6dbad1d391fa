"""A failure that asks to be tried again at once is, through the service's own back-off."""

import pytest

from polyrhythm import App, RetryAfter
from polyrhythm.testing import Stage


@pytest.mark.parametrize("plain", [False, True])
def test_a_delay_of_nothing_is_no_end(plain):
    app, attempts = App("at-once"), []

    @app.task
    async def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise RetryAfter("0s", "again")
        return len(attempts)

    @app.workflow
    async def work() -> int:
        return await flaky()

    with Stage(app):
        assert (flaky.start().result() if plain else work.execute()) == 3

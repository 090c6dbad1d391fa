"""Random programs: evicted or not, a run makes the same history and comes to the same end.

The stage replays every history after every workflow task, so each program is also compared with
itself some dozen times. `SDK_PROGRAMS` sets how many seeds are run.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from polyrhythm.base.errors import PolyrhythmError
from sdk.loop.programs import PROGRAM, TASKS, make_program
from sdk.loop.stage import Stage

SEEDS = int(os.environ.get("SDK_PROGRAMS", "40"))
STEPS = 30


def play(seed: int, evict: float) -> tuple[Any, list[str], Stage]:
    """Run one program with messages in between; what came of it, and its history."""
    chance = random.Random(seed)
    stage = Stage(PROGRAM, evict=evict, seed=seed)
    stage.tasks = dict(TASKS)
    stage.start("program_run", make_program(chance))
    for number in range(STEPS):
        stage.run(idle_s=chance.choice([0, 0.2, 1.0]), until=lambda: len(stage.failed) > 0)
        assert not stage.failed, stage.failed[0].failure.message
        try:
            send(stage, chance, number)
        except PolyrhythmError:
            break
    stage.run()
    assert not stage.failed, stage.failed[0].failure.message
    try:
        result = stage.result()
    except PolyrhythmError as error:
        result = str(error)
    return result, stage.names(), stage


def send(stage: Stage, chance: random.Random, number: int) -> None:
    """Send a random message, or none."""
    if chance.random() < 0.5:
        stage.stop_polls()
        stage.rig.advance(chance.choice([0, 0.3, 1.0, 5.0]))
    kind = chance.choice(["", "", "word", "tick", "update", "both"] + ["cancel"] * (number > 20))
    if kind in ("word", "both"):
        stage.signal("word", number)
    if kind in ("tick", "both"):
        stage.signal("tick", number % 4)
    if kind == "update":
        stage.update("tick", number % 9, update_id=f"u{number}")
    if kind == "cancel":
        stage.cancel()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_program_is_the_same_with_and_without_evictions(seed: int) -> None:
    result, names, stage = play(seed, 0.0)
    again, names_again, evicted = play(seed, 0.6)
    assert again == result
    assert names_again == names
    assert stage.replays == evicted.replays

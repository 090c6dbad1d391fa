"""Small deterministic workflow programs and how one of them answers a workflow task.

A program is a sequence of stages of parallel items, drawn from the text in the workflow's input:
"number.generation.depth", so that a program that continues as new, or starts children, ends.
`decide` is a function of the program and the history alone, as workflow code is: an item that the
history shows as asked for is not asked for again, a stage follows when the one before is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from temporalio.api.command.v1 import Command

from polyrhythm.testing.world import commands as made
from polyrhythm.testing.world.items import Item, draw_item
from polyrhythm.testing.world.profile import Profile
from polyrhythm.testing.world.seen import Seen

GENERATIONS_MAX = 3


@dataclass(slots=True)
class Program:
    """What a workflow does."""

    stages: list[list[Item]]
    ending: Command
    honours_cancel: bool


def draw_program(seed: int, text: str, profile: Profile) -> Program:
    """Draw the program of an input: the same for every worker."""
    random = Random(f"{seed}/program/{text}")
    number, generation, depth = (int(word) for word in text.split("."))
    stages = []
    for stage in range(random.randint(1, 4)):
        width = random.choice((1, 1, 2, 3))
        stages.append([draw_item(random, f"{stage}.{i}", profile, depth) for i in range(width)])
    kinds = ["complete", "complete", "complete", "fail"]
    if "chains" in profile.nouns and generation < GENERATIONS_MAX:
        kinds += ["again", "again", "fail"]
    kind = random.choice(kinds)
    if kind == "again":
        next_text = f"{number}.{generation + 1}.{depth}"
        ending = made.again(random, next_text, profile.queues)
    else:
        ending = made.ending(kind)
    return Program(stages, ending, random.random() < 0.7)


def decide(program: Program, run_id: str, seen: Seen) -> list[Command]:
    """Return the commands of a workflow task."""
    if seen.cancel_requested and program.honours_cancel:
        return _wind_up(seen)
    commands: list[Command] = []
    for stage in program.stages:
        waits = False
        for item in stage:
            waits = not item.advance(seen, run_id, commands) or waits
        if waits:
            return _without_hasty(commands)
    commands.append(program.ending)
    return commands


def _without_hasty(commands: list[Command]) -> list[Command]:
    # A child may not be asked to cancel in the very task that starts it; it is in the next one.
    started = {
        command.start_child_workflow_execution_command_attributes.workflow_id
        for command in commands
        if command.HasField("start_child_workflow_execution_command_attributes")
    }
    return [
        command
        for command in commands
        if not command.HasField("request_cancel_external_workflow_execution_command_attributes")
        or command.request_cancel_external_workflow_execution_command_attributes.workflow_id
        not in started
    ]


def _wind_up(seen: Seen) -> list[Command]:
    commands = [made.cancel_timer(name) for name in seen.pending("timer")]
    waiting = seen.pending("activity")
    commands += [
        made.cancel_activity(seen.asked[name]) for name in waiting if name not in seen.cancels
    ]
    if not waiting:
        commands.append(made.cancelled())
    return commands

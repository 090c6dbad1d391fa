"""What programs are made of: activities, timers, races, waits for signals, children, messages.

`Item.advance` says whether an item is done; while it is not, it adds the commands that are due.
Names begin with the kind of what they name, since a history is read by names alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Protocol

from temporalio.api.command.v1 import Command

from polyrhythm.testing.world import commands as made
from polyrhythm.testing.world.profile import Profile

DEPTH_MAX = 2
_KINDS = ("activity",) * 5 + ("timer",) * 2 + ("race", "wait", "signal", "cancel", "marker", "memo")
_FAMILY = ("child",) * 3 + ("rush",) * 2 + ("orphan", "orphan")


class History(Protocol):
    """What an item may know of its history."""

    asked: dict[str, int]
    targets: dict[str, str]
    started: set[str]
    done: set[str]
    cancels: set[str]
    signals: int


@dataclass(slots=True)
class Item:
    """One item; `command` is what asks for it, `other` what a race runs against. What other
    workflows must tell apart is named by the run that asks for it."""

    kind: str
    name: str
    command: Command
    other: Command | None = None
    signals: int = 0

    def advance(self, seen: History, run_id: str, commands: list[Command]) -> bool:
        """Return whether the item is done; add the commands that are due."""
        if self.name not in seen.asked:
            commands.append(self._addressed(run_id))
            if self.other is not None:
                commands.append(self.other)
            return self.kind in ("marker", "memo")
        if self.kind == "wait":
            timer = self.name
            if timer not in seen.done and seen.signals >= self.signals:
                commands.append(made.cancel_timer(timer))
                return True
            return timer in seen.done
        if self.kind == "race":
            return self._race(seen, commands)
        if self.kind == "rush":
            return self._rush(seen, commands)
        if self.kind == "orphan":
            return self.name in seen.started or self.name in seen.done
        return self.name in seen.done

    def _race(self, seen: History, commands: list[Command]) -> bool:
        timer = f"timer.{self.name}"
        if self.name in seen.done:
            if timer not in seen.done:
                commands.append(made.cancel_timer(timer))
            return True
        if timer in seen.done and self.name not in seen.cancels:
            commands.append(made.cancel_activity(seen.asked[self.name]))
        return False

    def _rush(self, seen: History, commands: list[Command]) -> bool:
        timer, request = f"timer.{self.name}", f"cancel.{self.name}"
        if self.name in seen.done:
            if timer not in seen.done:
                commands.append(made.cancel_timer(timer))
            return True
        if timer in seen.done and request not in seen.asked:
            commands.append(made.cancel(request, seen.targets[self.name], child_only=True))
        return False

    def _addressed(self, run_id: str) -> Command:
        command = Command()
        command.CopyFrom(self.command)
        if self.kind == "signal":
            sent = command.signal_external_workflow_execution_command_attributes
            sent.input.payloads.add().data = f"{run_id}/{self.name}".encode()
        elif self.kind in _FAMILY:
            child = command.start_child_workflow_execution_command_attributes
            child.workflow_id = child.workflow_id or f"{run_id[:8]}/{self.name}"
        return command


def draw_item(random: Random, place: str, profile: Profile, depth: int) -> Item:
    """Draw an item of a program that is `depth` children below a client's start."""
    family = "families" in profile.nouns and depth < DEPTH_MAX
    kind = random.choice(_KINDS + _FAMILY if family else _KINDS)
    queues = profile.queues
    target = f"w{random.randrange(profile.workflow_ids + 1)}"
    child_id = f"c{random.randrange(profile.workflow_ids)}"
    if kind == "activity":
        name = f"activity.{place}"
        return Item(kind, name, made.activity(random, name, queues))
    if kind == "timer":
        return Item(kind, f"timer.{place}", made.timer(f"timer.{place}", random))
    if kind == "race":
        name = f"activity.{place}"
        other = made.timer(f"timer.{name}", random)
        return Item(kind, name, made.activity(random, name, queues), other=other)
    if kind == "wait":
        name = f"timer.{place}"
        return Item(kind, name, made.timer(name, random), signals=random.randint(1, 3))
    if kind in _FAMILY:
        name = f"child.{place}"
        target = child_id if random.random() < 0.5 else ""
        start = made.child(random, name, target, queues, depth)
        clock = made.timer(f"timer.{name}", random) if kind == "rush" else None
        return Item(kind, name, start, other=clock)
    if family and random.random() < 0.6:
        target = child_id
    name = f"{kind}.{place}"
    if kind == "signal":
        return Item(kind, name, made.signal(name, target, family and random.random() < 0.3))
    if kind == "cancel":
        return Item(kind, name, made.cancel(name, target, family and random.random() < 0.3))
    return Item(kind, name, made.marker(name) if kind == "marker" else made.memo(name))

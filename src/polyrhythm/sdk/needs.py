"""What a task needs of its service beyond what every service has.

Asked when an application starts, so that a feature which a backend lacks is refused there and never
silently weaker.
"""

from __future__ import annotations

from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.link import Traits
from polyrhythm.sdk.retry import check_traits


def check_task(definition: TaskDefinition, traits: Traits) -> None:
    """Refuse a task whose service lacks something that it is declared with. Raises MisuseError."""
    options, name = definition.options, definition.name
    check_traits(options.retry, traits, name)
    for setting, value in (("rate", options.rate), ("concurrency", options.concurrency)):
        if value and not traits.permits:
            raise MisuseError(
                f"task {name!r} has {setting}={value!r}, which counts over all workers and needs"
                f" permits; {traits.name} has none: leave it out, or limit each worker by"
                " App(..., tasks_max=...)"
            )

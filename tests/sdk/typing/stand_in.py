"""An application for the type checkers: only what the decorators need."""

from typing import Any

from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb


class Application:
    """Declares; runs nothing."""

    def __init__(self) -> None:
        registry = Registry()
        home: Any = None
        self.task = TaskVerb(registry)
        self.workflow = WorkflowVerb(registry, home)


app = Application()

"""Machinery, the Go task queue: its messages become durable tasks, ours feed its workers.

from polyrhythm import App, Machinery, machinery

work = Machinery("redis://127.0.0.1:6379", app=app)
work.serve(add)                                   # messages named "add", by this App's task
reply = await work.send(machinery.call("multiply", 6, 7))     # to whoever has that task
"""

from polyrhythm.brokers.errors import BadMessage, BrokerDown, WrongValue
from polyrhythm.brokers.machinery.kinds import Typed, typed
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.brokers.machinery.states import State, TaskState
from polyrhythm.brokers.port import DeadMessage
from polyrhythm.dialects.machinery.replies import CallFailed, GroupReply, Reply
from polyrhythm.dialects.machinery.sender import call

__all__ = [
    "BadMessage",
    "BrokerDown",
    "CallFailed",
    "DeadMessage",
    "GroupReply",
    "Reply",
    "Signature",
    "State",
    "TaskState",
    "Typed",
    "WrongValue",
    "call",
    "typed",
]

"""What goes wrong with brokers: a value without a type, a message that is none, a broker away.

Only the last one passes by itself; the others are the same whenever they are asked again.
"""

from __future__ import annotations

from polyrhythm.base.errors import PolyrhythmError


class WrongValue(PolyrhythmError):
    """A value that Machinery has no type for, or that its type does not hold."""

    code = "wrong_value"


class BadMessage(PolyrhythmError):
    """Bytes that are no message, or a message that no worker could take."""

    code = "bad_message"


class BrokerDown(PolyrhythmError):
    """The broker, or the place for results, cannot be reached or does not take this now."""

    code = "broker_down"

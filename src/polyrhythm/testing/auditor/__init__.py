"""An auditor that shares no code with the engine: it reads log bytes and remembers promises."""

from polyrhythm.testing.auditor.auditor import Auditor
from polyrhythm.testing.auditor.finding import Finding

__all__ = ["Auditor", "Finding"]

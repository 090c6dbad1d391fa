"""A service in the same process and on the same loop: no bytes, no socket."""

from polyrhythm.links.inproc.link import InProcLink

__all__ = ["InProcLink"]

"""Any Temporal service, through the official client library."""

from polyrhythm.links.temporal.link import TemporalLink

__all__ = ["TemporalLink"]

"""A seeded world around one lane: clock, network, clients, workers and what goes wrong."""

from polyrhythm.testing.world.world import World

__all__ = ["World"]

"""Tests of the room `cli`: flags as values, and `poly` as a process."""

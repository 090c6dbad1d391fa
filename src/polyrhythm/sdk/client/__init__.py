"""Clients: start runs, talk to them, wait for them. Import from the files.

Written once, async; `blocking.py` is its mirror for programs without an event loop and is written
by `tools/mirror.py`.
"""

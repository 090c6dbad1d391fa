"""Puts the parts together: the App that users write, and the node a server runs.

The only room that names concrete stores, transports and links. It is imported by the command line
and, on first use, by `from polyrhythm import App`.
"""

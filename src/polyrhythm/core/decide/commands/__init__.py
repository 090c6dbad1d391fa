"""One function a command: checks its attributes and writes its events, or refuses.

A refusal is `CommandRefused`: the whole completion is dropped and the workflow task fails with
that cause. Errors of `base.errors` go to the worker and leave the task as it is.
"""

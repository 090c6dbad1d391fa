"""A Celery-shaped front: a module written for Celery runs after its import is changed.

`front.py` is the application, `task.py` its tasks, `signature.py` and `results.py` what is sent and
what comes back, `eager.py` runs all of it without a service. What differs is in docs/celery.md.
"""

"""The walker: one durable workflow that walks a manifest as Argo's controller does.

`plan.py` is what is walked, `nodes.py` the tree of what has happened, `scope.py` what tags may
name. `execute.py` runs one template: a file for each type below it. `workflow.py` is the run.
"""

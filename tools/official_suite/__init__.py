"""The tests of Temporal's official Python SDK, run against `poly dev` from a checkout.

`make conformance SDK_CHECKOUT=dir` is the way in; `__main__.py` is the runner. The tests are not
copied into this repository and nothing in them is changed. `red.txt` names those that do not pass,
a reason each; the list has to be exact, so it can only shrink.
"""

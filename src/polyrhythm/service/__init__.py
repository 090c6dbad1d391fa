"""The services' calls, one file a noun: a request passes the gate and reaches the engine.

Turns every request into a Reply; refuses what is malformed before the engine sees it.
"""

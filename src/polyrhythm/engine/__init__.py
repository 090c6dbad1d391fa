"""The turn: drain the inbox, decide to a fixed point, commit once, then perform.

Owns lanes, matching, timers, waiters, recovery and ownership. Synchronous, and knows no event
loop, no transport and no concrete store.
"""

"""What every room may import: clock, ids, durations, retry maths, errors, limits, calendar.

Imports nothing of ours and holds no state.
"""

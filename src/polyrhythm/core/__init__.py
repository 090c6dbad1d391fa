"""Pure state machines: `decide` says what happens, `apply` is the only writer of state.

No clock, thread, socket, file, store or randomness: whatever is drawn comes in with the context
and is recorded, so that one log always folds to one state.
"""

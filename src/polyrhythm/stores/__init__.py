"""Where runs are kept: the port every store fulfils, and one folder a store.

A store knows base and the port; the engine knows only the port.
"""

"""Times of cron specs compared with a search too simple to be wrong, on cases drawn at random.

    python -m polyrhythm.testing.calendar --cases 1000000 --output docs/evidence/cron.json

`slow` is that search, `cases` draws specs, switches, zones and instants around changes of the
clock, `__main__` runs many of them and writes the figures down.
"""

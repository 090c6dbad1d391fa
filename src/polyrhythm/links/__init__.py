"""Client side: what a program needs of a service, one folder a way to reach it."""

"""Ways of other tools to say what should run: programs on the SDK, never features of the engine."""

"""Shipped test tools: simulator, story runner, contract suites and the virtual clock."""

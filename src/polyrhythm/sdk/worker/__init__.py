"""Runs tasks and workflows: attempts, workflow tasks, polls, and a worker inside a service."""

"""Alerts: who is told when a task or a run has failed for good, and how. Import from the files."""

"""Declarations: the decorators, and the tasks and workflows they make. Import from the files."""

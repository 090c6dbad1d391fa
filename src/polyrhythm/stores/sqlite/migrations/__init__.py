"""Numbered .sql files, each one step of the schema; a file is never changed after a release."""

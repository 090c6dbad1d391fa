"""The `poly` command."""

"""Tests of the test tools that users get."""

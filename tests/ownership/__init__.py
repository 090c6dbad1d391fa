"""Tests of who owns a file, with real processes that are really killed."""

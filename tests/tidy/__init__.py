"""The walker and the rules behind tests/test_tidy.py."""

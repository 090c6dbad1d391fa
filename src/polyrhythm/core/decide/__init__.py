"""What each request does to a run: pure functions from a state and a request to a Decision."""

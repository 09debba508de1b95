"""Accepts runs, publishes them for the runners, and serves their results."""

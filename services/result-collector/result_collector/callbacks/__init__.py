"""Callbacks: the execution is sent to the URL that its caller gave when it has ended."""

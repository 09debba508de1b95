"""Code sessions: created, autosaved, read, closed."""

"""Accepting a run: checks, snapshot, limits, one transaction."""

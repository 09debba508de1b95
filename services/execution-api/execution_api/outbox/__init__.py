"""Committed run requests on their way to the broker."""

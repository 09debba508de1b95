"""What went wrong with a program, read from what its compiler or interpreter printed."""

from result_collector.feedback.errors.reading import read_error

__all__ = ["read_error"]

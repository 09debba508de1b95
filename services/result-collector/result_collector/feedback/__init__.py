"""Sentences that help a learner: what went wrong, and where."""

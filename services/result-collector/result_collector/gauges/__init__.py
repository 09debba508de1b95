"""Figures of the queues, measured again and again."""

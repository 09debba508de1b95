"""Measurements: what a run costs, what a machine carries, what learners wait for."""

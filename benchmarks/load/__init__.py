"""Learners who type and learners who run, and what they wait for."""

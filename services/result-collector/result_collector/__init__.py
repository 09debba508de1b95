"""Writes what happened to executions into the database."""

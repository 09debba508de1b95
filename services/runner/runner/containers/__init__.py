"""Containers: created through the engine, kept warm in a pool, removed."""

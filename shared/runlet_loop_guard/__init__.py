"""Finds loops that can never end, on a program's syntax tree, before it is run.

Pure functions: no clients, no settings, no state but the parsers each thread keeps.
"""

from runlet_loop_guard.guard import EndlessLoop, endless_loops

__all__ = ["EndlessLoop", "endless_loops"]

"""Finds loops that can never end, on a program's syntax tree, without running it.

Pure functions: no clients, no state but the parsers each thread keeps. README.md says how it works.
"""

from runlet_loop_guard.guard import EndlessLoop, endless_loops, load_grammars
from runlet_loop_guard.mode import LoopGuard, LoopGuardSetting

__all__ = ["EndlessLoop", "LoopGuard", "LoopGuardSetting", "endless_loops", "load_grammars"]

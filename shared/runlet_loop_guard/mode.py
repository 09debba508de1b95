"""What a deployment does about programs that can never end: the setting LOOP_GUARD."""

from enum import StrEnum


class LoopGuard(StrEnum):
    """Say nothing, say it once a run has met a limit, or do not run the program at all."""

    OFF = "off"
    WARN = "warn"
    REJECT = "reject"

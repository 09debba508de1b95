"""What a deployment does about programs that can never end: the setting LOOP_GUARD."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta


class LoopGuard(StrEnum):
    """Say nothing, say it once a run has met a limit, or do not run the program at all."""

    OFF = "off"
    WARN = "warn"
    REJECT = "reject"


LoopGuardSetting = Annotated[
    LoopGuard,
    Meta(
        description="What to do about a loop that can never end: nothing, a remark in `feedback` "
        "of a run that met a limit, or 422."
    ),
]

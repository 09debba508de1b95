"""What every service answers at /health, and what processes without an API answer at /ready."""

import json
from collections.abc import Callable

from runlet_telemetry.build_info import VERSION

# The names of the background loops that do not turn: `Supervisor.stalled`.
Stalled = Callable[[], list[str]]

# The body has a fixed shape, so the version is a header.
VERSION_HEADER = "Runlet-Version"
HEADERS = {"Content-Type": "application/json", VERSION_HEADER: VERSION}


def document(away: list[str]) -> bytes:
    """The body of an answer; `away` names what does not work."""
    body = {"status": "unavailable", "away": away} if away else {"status": "ok"}
    return json.dumps(body).encode()


def no_loops() -> list[str]:
    """For a process without background loops."""
    return []

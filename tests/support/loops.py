"""Background loops that run beside a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runlet_telemetry.supervision import Loop, Supervisor

STOP_SECONDS = 30.0


@contextmanager
def supervised(*loops: Loop) -> Iterator[Supervisor]:
    """Run loops; they are stopped, and have ended, when the block is left."""
    supervisor = Supervisor(give_up=pytest.fail)
    supervisor.start(*loops)
    try:
        yield supervisor
    finally:
        have_ended = supervisor.stop_all(timeout=STOP_SECONDS)
    assert have_ended

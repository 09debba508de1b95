"""Everything a service would log at its default level."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

_BELOW_INFO = {"debug", "notset"}


@contextmanager
def logged_at_info() -> Iterator[Callable[[], str]]:
    """A function for all that was logged until it is called, by structlog and by libraries."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with capture_logs([merge_contextvars, format_exc_info]) as events:
            yield lambda: _as_text(events) + written.getvalue()
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def _as_text(events: list[Any]) -> str:
    shown = [event for event in events if event["log_level"] not in _BELOW_INFO]
    return "".join(f"{event}\n{event.get('exception', '')}\n" for event in shown)

"""A terminal execution as JSON, exactly as the execution API shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

# The fields in the API's order; `execution_id` stands for the row's `id`.
_FIELDS = (
    "session_id",
    "language",
    "status",
    "reason",
    "stdout",
    "stderr",
    "stdout_truncated",
    "stderr_truncated",
    "exit_code",
    "signal",
    "execution_time_ms",
    "cpu_time_ms",
    "memory_peak_kb",
    "compile",
    "feedback",
    "attempts",
    "limits",
    "created_at",
    "queued_at",
    "started_at",
    "finished_at",
)


def encode(row: Mapping[str, Any]) -> bytes:
    """The body of a callback, in UTF-8."""
    shown = {name: _plain(row[name]) for name in _FIELDS}
    return msgspec.json.encode({"execution_id": row["id"], **shown})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

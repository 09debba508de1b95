"""A terminal execution as JSON, exactly as the execution API shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from runlet.execution import EXECUTION_FIELDS
from runlet_postgres.execution_rows import COLUMN_NAMES


def encode(row: Mapping[str, Any]) -> bytes:
    """The body of a callback, in UTF-8."""
    shown = zip(EXECUTION_FIELDS, COLUMN_NAMES, strict=True)
    return msgspec.json.encode({field: _plain(row[column]) for field, column in shown})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value

"""Where a page of sessions ends, as an opaque text for the caller."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Position:
    """The place of one session in the order newest first."""

    created_at: datetime
    id: UUID


def encode(position: Position) -> str:
    """The cursor of everything after `position`."""
    text = f"{position.created_at.isoformat()}/{position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> Position:
    """Read a cursor back. Raises ValueError for a text that `encode` did not make."""
    padding = "=" * (-len(cursor) % 4)
    text = base64.urlsafe_b64decode(cursor + padding).decode("ascii")
    created_at, _, session_id = text.partition("/")
    position = Position(datetime.fromisoformat(created_at), UUID(session_id))
    if position.created_at.utcoffset() is None or encode(position) != cursor:
        raise ValueError("The cursor is not in the form it was given out.")
    return position

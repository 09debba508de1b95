"""Where a page of a newest-first list ended, as an opaque string."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Cursor:
    """The last entry of a page: its time, and its id for entries of the same moment."""

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        """The form that travels in a URL."""
        raw = f"{self.created_at.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read a cursor back. Raises ValueError for a text that `encode` did not make."""
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        moment, _, identity = raw.decode("ascii").partition("|")
        cursor = cls(datetime.fromisoformat(moment), UUID(identity))
        if cursor.created_at.tzinfo is None or cursor.encode() != text:
            raise ValueError("This is no cursor as it was handed out.")
        return cursor

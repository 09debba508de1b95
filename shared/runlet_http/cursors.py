"""Where a page of a newest-first list ended, as an opaque string."""

import base64
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

# Microseconds since 1970 and an id, as base64 for URLs. The first two characters hold the highest
# bits of the time: they leave the years to 6536, so that every string of this form is a cursor,
# and the pattern can stand in the OpenAPI documents.
PATTERN = "A[A-Za-f][A-Za-z0-9_-]{30}"

_BINARY = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The last entry of a page: its time, and its id for entries of the same moment."""

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        """The form that travels in a URL."""
        microseconds = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        binary = _BINARY.pack(microseconds, self.id.bytes)
        return base64.urlsafe_b64encode(binary).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read a cursor back. Raises ValueError for a text that `encode` does not make."""
        if not re.fullmatch(PATTERN, text):
            raise ValueError("This is no cursor as it was handed out.")
        microseconds, identity = _BINARY.unpack(base64.urlsafe_b64decode(text))
        return cls(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=identity))

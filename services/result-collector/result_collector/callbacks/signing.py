"""The headers by which a receiver verifies a callback."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Signer:
    """Makes the headers of callbacks, signed with the secret that receivers know."""

    secret: str = field(repr=False)

    def headers(
        self, execution_id: UUID, attempt: int, at: datetime, body: bytes
    ) -> dict[str, str]:
        """The headers of one attempt."""
        timestamp = str(int(at.timestamp()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "Runlet",
            "X-Runlet-Execution": str(execution_id),
            "X-Runlet-Attempt": str(attempt),
            "X-Runlet-Timestamp": timestamp,
            "X-Runlet-Signature": f"sha256={self._sign(timestamp, body)}",
        }

    def _sign(self, timestamp: str, body: bytes) -> str:
        signed = timestamp.encode() + b"." + body
        return hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()

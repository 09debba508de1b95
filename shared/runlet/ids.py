"""Ids that grow with time."""

import secrets
from datetime import datetime
from uuid import UUID

_VERSION, _VARIANT = 7, 0b10


def new_id(now: datetime) -> UUID:
    """A version 7 UUID (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits.

    Rows that are made one after the other stand beside each other in an index of such ids, so a
    long history does not make each insert touch, and log, pages that nobody has in memory.
    """
    milliseconds = int(now.timestamp() * 1000)
    bits = secrets.randbits(74)
    high = milliseconds << 16 | _VERSION << 12 | bits >> 62
    low = _VARIANT << 62 | bits & (1 << 62) - 1
    return UUID(int=high << 64 | low)

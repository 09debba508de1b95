"""Which revisions an If-Match header accepts (RFC 9110, section 13.1.1)."""

import re

# As many digits as always fit a 64-bit column.
_REVISION = re.compile(r'"([1-9][0-9]{0,17})"|([1-9][0-9]{0,17})')


def accepted_revisions(header: str | None) -> frozenset[int] | None:
    """The revisions named by `header`; None when any will do.

    Quotes may be missing. Weak tags and what is no revision match nothing, so they are left out.
    """
    if header is None or header.strip() == "*":
        return None
    matches = (_REVISION.fullmatch(part.strip()) for part in header.split(","))
    return frozenset(int(match[1] or match[2]) for match in matches if match)

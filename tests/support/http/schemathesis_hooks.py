"""What schemathesis has to know to make up calls that can be accepted; it loads this itself."""

import hashlib
import json
import re
from typing import Any

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Send a key with one body only: it is refused with another, and no schema can say so.

    Keys that the document does not allow go out as they are.
    """
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and re.fullmatch("[!-~]{1,128}", key):
        body = json.dumps(case.body, sort_keys=True, default=str)
        case.headers[KEY] = hashlib.sha256(f"{key} {body}".encode()).hexdigest()

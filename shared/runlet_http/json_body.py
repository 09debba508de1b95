"""Reading JSON strictly: a malformed body is a 400, never a 500."""

import json
from typing import Any, NoReturn

from flask.json.provider import DefaultJSONProvider


class StrictJSONProvider(DefaultJSONProvider):
    """Flask's JSON, without NaN and Infinity, and with a clear error for hopeless nesting."""

    sort_keys = False
    compact = True

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON. Raises ValueError for anything that is not plain JSON in UTF-8."""
        try:
            return json.loads(s, parse_constant=_refuse, **kwargs)
        except RecursionError as error:
            raise ValueError("The JSON is nested too deeply.") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")

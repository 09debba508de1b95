"""JSON patches (RFC 6902): the operations add, replace, remove and test."""

import copy
from typing import Any


def patched(document: Any, operations: list[dict[str, Any]]) -> Any:
    """A copy of `document` after the operations. Raises AssertionError where one cannot be done."""
    result = copy.deepcopy(document)
    for operation in operations:
        *parents, last = [_unescaped(part) for part in operation["path"].split("/")[1:]]
        place = result
        for part in parents:
            place = place[_key(place, part)]
        _apply(operation, place, _key(place, last))
    return result


def _apply(operation: dict[str, Any], place: Any, key: Any) -> None:
    name = operation["op"]
    value = copy.deepcopy(operation.get("value"))
    there = key in place if isinstance(place, dict) else key < len(place)
    assert there or name == "add", f"{operation['path']} is not there."
    if name == "add" and isinstance(place, list):
        place.insert(key, value)
    elif name in ("add", "replace"):
        place[key] = value
    elif name == "remove":
        del place[key]
    else:
        assert name == "test", name
        assert place[key] == value, f"{operation['path']} is {place[key]!r}."


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _key(place: Any, part: str) -> Any:
    if isinstance(place, list):
        return len(place) if part == "-" else int(part)
    return part

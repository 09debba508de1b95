"""JSON as the dataclasses it stands for, checked on the way."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = (str, int, float, bool, NoneType)


def decode(wanted: type[T], value: Any) -> T:
    """`value`, as JSON gave it, as a `wanted`.

    A field of a dataclass that is absent or null takes its default; unknown ones are ignored, as a
    newer server may send more. Raises ValueError for what does not fit.
    """
    decoded: T = _decode(wanted, value)
    return decoded


def _decode(wanted: Any, value: Any) -> Any:
    if wanted in _PLAIN:
        return _plain(wanted, value)
    if get_origin(wanted) in (Union, UnionType):
        return _one_of(get_args(wanted), value)
    if get_origin(wanted) is tuple:
        return tuple(_decode(get_args(wanted)[0], entry) for entry in _checked(list, value))
    if wanted is datetime:
        return datetime.fromisoformat(_checked(str, value))
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted(value)
    return _object(wanted, value)


def _plain(wanted: type, value: Any) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    # To isinstance, True is an int.
    if type(value) is not wanted:
        raise ValueError(f"{wanted.__name__} expected, not {type(value).__name__}")
    return value


def _one_of(options: tuple[Any, ...], value: Any) -> Any:
    if value is None and NoneType in options:
        return None
    options = tuple(option for option in options if option is not NoneType)
    for option in options[:-1]:
        try:
            return _decode(option, value)
        except ValueError:
            continue
    return _decode(options[-1], value)


def _object(wanted: Any, value: Any) -> Any:
    document = _checked(dict, value)
    given = {}
    for name, kind, has_default in _fields_of(wanted):
        entry = document.get(name)
        if entry is None and has_default:
            continue
        try:
            given[name] = _decode(kind, entry)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return wanted(**given)


@cache
def _fields_of(wanted: type) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether there is a default, of each field."""
    if not is_dataclass(wanted):
        raise TypeError(f"{wanted} cannot be read from JSON")
    hints: Mapping[str, Any] = get_type_hints(wanted)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is not MISSING or field.default_factory is not MISSING,
        )
        for field in fields(wanted)
    )


def _checked(wanted: type[T], value: Any) -> T:
    if not isinstance(value, wanted):
        raise ValueError(f"{wanted.__name__} expected, not {type(value).__name__}")
    return value

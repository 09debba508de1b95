"""Configuration: a frozen dataclass read from environment variables of the same names."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

Config = TypeVar("Config")

_URL = "_URL"
# A user in an address that has no password, as in amqp://runlet@rabbitmq:5672/runlet.
_USER_ALONE = re.compile(r"(?<=://)[^:@/?#,\s]+(?=@)")


class ConfigError(Exception):
    """A setting is missing or has a value that cannot be used."""


def load(config_type: type[Config], environ: Mapping[str, str]) -> Config:
    """Build `config_type` from variables named like its fields, in capitals.

    An empty variable counts as unset. `NAME_FILE` names a file that holds the value, for secrets,
    unless the configuration has a field of that name, which is then a setting like any other.
    `NAME_PASSWORD` and `NAME_PASSWORD_FILE` hold the password of an address `NAME_URL`.
    Raises ConfigError, which names the variable.
    """
    names = [field.name for field in dataclasses.fields(config_type)]  # type: ignore[arg-type]
    read = {name: _value(name, environ, names) for name in names}
    raw = {name: value for name, value in read.items() if value}
    try:
        return msgspec.convert(raw, config_type, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_words(str(error))) from error


def comma_separated(value: str) -> tuple[str, ...]:
    """The non-empty parts of a list setting such as `python, javascript`."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def read(name: str, environ: Mapping[str, str]) -> str:
    """One setting, from its variable or else from the file that NAME_FILE names; "" when unset.

    An address whose users have no password gets the one that stands apart from it: DATABASE_URL
    that of DATABASE_PASSWORD or DATABASE_PASSWORD_FILE. Raises ConfigError when a file cannot be
    read.
    """
    value = _value_or_file(name, environ)
    if name.endswith(_URL) and _USER_ALONE.search(value):
        return _with_password(value, read(name.removesuffix(_URL) + "_PASSWORD", environ))
    return value


def _with_password(address: str, password: str) -> str:
    if not password:
        return address
    return _USER_ALONE.sub(lambda user: f"{user[0]}:{quote(password, safe='')}", address)


def _value_or_file(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "")
    path = environ.get(f"{name}_FILE", "")
    if value or not path:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE names {path}, which cannot be read: {error}") from error


def _value(field_name: str, environ: Mapping[str, str], field_names: Collection[str]) -> str:
    name = field_name.upper()
    in_file_too = f"{field_name}_file" not in field_names
    return read(name, environ) if in_file_too else environ.get(name, "")


def _in_words(message: str) -> str:
    problem, _, path = message.partition(" - at `$.")
    if path:
        return f"The setting {path.rstrip('`').upper()} is not usable: {problem}."
    field = message.rpartition("required field `")[2].rstrip("`")
    return f"The setting {field.upper()} is missing."

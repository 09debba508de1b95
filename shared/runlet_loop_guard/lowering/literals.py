"""Reads the values of literals."""

import re

from runlet_loop_guard.syntax import Const, Group, Node

_INTEGER = re.compile(r"(?:0[xX][0-9a-fA-F_']+|0[bB][01_']+|[1-9][0-9_']*|0)[lL]{0,2}")
_FLOAT = re.compile(r"[0-9][0-9_']*\.[0-9_']*(?:[eE][+-]?[0-9]+)?")
_QUOTED = re.compile(r"""(['"])([^'"\\]*)\1""")
_LONGEST = 18

_UNKNOWN = Group(())


def number(text: str) -> Node:
    """The number, or a value nobody knows for notations that differ between languages."""
    if len(text) > _LONGEST:
        return _UNKNOWN
    digits = text.replace("_", "").replace("'", "")
    if _INTEGER.fullmatch(text):
        return Const(int(digits.rstrip("lL"), 0))
    if _FLOAT.fullmatch(text):
        return Const(float(digits))
    return _UNKNOWN


def string(text: str) -> Node | None:
    """The string when it is plain; None when something may be inserted into it."""
    plain = _QUOTED.fullmatch(text)
    if plain is None or "#{" in text or ("$" in text and plain[1] == '"'):
        return None
    return Const(plain[2])


def boolean(text: str) -> Node:
    """`true` or `false` in any case."""
    return Const(text.lower() == "true")

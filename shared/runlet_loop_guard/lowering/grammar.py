"""What a language's table declares: the shapes of its nodes, its calls and its arithmetic."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from runlet_loop_guard.lowering.shapes import Shape


def listed(names: str) -> frozenset[str]:
    """The names in a text, for tables."""
    return frozenset(names.split())


@dataclass(frozen=True)
class Calls:
    """Calls known to come back; any other may end the program, or wait for something.

    A name that ends in `.*` covers a namespace, one that begins with a dot any receiver.
    """

    pure: frozenset[str] = frozenset()
    """Change nothing, never fail."""
    steady: frozenset[str] = frozenset()
    """Fail for some arguments, so they count only with numbers and lists known to do."""
    mutating: frozenset[str] = frozenset()
    """Change their receiver, never fail."""
    failing: frozenset[str] = frozenset()
    """May raise an error, which counts as a way out unless the loop catches it."""
    lengths: frozenset[str] = frozenset()
    """Count elements, by call or by member."""
    ending: frozenset[str] = frozenset()
    """Never come back."""
    looping: frozenset[str] = frozenset()
    """Run their block for ever."""
    iterating: frozenset[str] = frozenset()
    """Run their block for each of some elements."""
    raising: frozenset[str] = frozenset()
    """Raise the error they are given."""

    @cached_property
    def never_failing(self) -> frozenset[str]:
        """Calls that never fail, once there is a receiver."""
        return self.pure | self.lengths | self.mutating

    @cached_property
    def known(self) -> frozenset[str]:
        """All calls that come back or fail."""
        return self.never_failing | self.steady | self.failing

    @cached_property
    def harmless(self) -> frozenset[str]:
        """Calls that neither fail nor change anything the program can see."""
        return self.pure | self.lengths | self.steady


@dataclass(frozen=True)
class Arithmetic:
    """How a language counts and what it takes for true."""

    division: Literal["floor", "truncate", "exact"]
    division_fails: bool = True
    slash_is_exact: bool = False
    unbounded: bool = False
    false_values: tuple[object, ...] = ()
    only_booleans: bool = False


@dataclass(frozen=True)
class Grammar:
    """Everything the guard knows of one language."""

    module: str
    shapes: Mapping[str, Shape]
    calls: Calls
    arithmetic: Arithmetic
    loop_words: re.Pattern[str]
    """A program without a match has no loop that could be found."""
    hazards: re.Pattern[str]
    """A program with a match can be stopped, or changed, from where the guard does not look."""
    factory: str = "language"
    catches: Mapping[str, str] = field(default_factory=dict)
    """Names of errors a handler's type catches besides itself, as patterns; "" is a bare one."""
    implicit_error: str = "crash"
    """What an operation that fails raises, such as a division by zero."""
    entry: str | None = None
    """The function a program starts in; None starts at the top of the file."""
    exact_types: frozenset[str] | None = None
    """Declared types whose values the guard can follow; None where nothing is declared."""
    aliases: re.Pattern[str] | None = None
    """Finds variables that may change under another name, by a pointer or a reference."""
    aliases_of_all: re.Pattern[str] | None = None
    """Shows that any variable may."""
    missing_element_fails: bool = True
    """An element that is not there is an error, or worse."""
    receiver_may_be_null: bool = True
    """A variable may hold nothing, and asking nothing for an element or a member fails."""
    unbound_fails: bool = False
    """Using a variable nobody gave a value is an error."""
    text_adds_to_text_only: bool = False
    """Adding a text and anything else is an error."""
    bare_calls: bool = False
    """A name alone may call a method."""
    functions_see_globals: bool = True
    """Functions can read the variables at the top of the file."""

"""The shapes a language's table gives to the nodes of its parse tree."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from runlet_loop_guard.syntax import JumpKind

Fields: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Skip:
    """Does nothing when run: comments, type names, `pass`."""


@dataclass(frozen=True)
class Parts:
    """Stands for its named children; a single one stands for itself."""


@dataclass(frozen=True)
class Statements:
    """A sequence of statements."""


@dataclass(frozen=True)
class LiteralValue:
    """A literal; the kind says how its text is read."""

    kind: Literal["number", "string", "true", "false", "null", "boolean"]


@dataclass(frozen=True)
class Variable:
    """A name of a variable, or of a method called without parentheses."""


@dataclass(frozen=True)
class Operation:
    """Operands with operators between or before them."""


@dataclass(frozen=True)
class Conditional:
    """`a if b else c` or `b ? a : c`: positions of condition, then, else among the children."""

    order: tuple[int, int, int] = (0, 1, 2)


@dataclass(frozen=True)
class Listing:
    """A list literal."""


@dataclass(frozen=True)
class Element:
    """`a[i]`."""


@dataclass(frozen=True)
class Member:
    """`a.b`: the field that holds the member's name."""

    name: str


@dataclass(frozen=True)
class Invocation:
    """A call: where its callee, its receiver and its arguments are."""

    callee: str
    receiver: str | None = None
    arguments: str = "arguments"
    block: str | None = None


@dataclass(frozen=True)
class Assignment:
    """`a = b`, `a += b`."""

    left: str = "left"
    right: str = "right"


@dataclass(frozen=True)
class Update:
    """`i++` and `--i`."""


@dataclass(frozen=True)
class Declaration:
    """Declares variables: one child of type `declarator` for each, or itself when None."""

    declarators: Fields = ()
    name: Fields = ("name",)
    value: str = "value"
    constant_word: str = r"(?!)"


@dataclass(frozen=True)
class Binding:
    """Gives names values nobody knows: imports, `global`, a caught error."""


@dataclass(frozen=True)
class Choice:
    """`if`; `negated` for `unless`."""

    then: str = "consequence"
    negated: bool = False


@dataclass(frozen=True)
class While:
    """`while`, `until`, `do while` and the `for` with three parts."""

    condition: str | None = "condition"
    body: str = "body"
    initializer: str | None = None
    update: str | None = None
    clause: str | None = None
    each_clause: str | None = None
    post_test: bool | Literal["begin"] = False
    until: bool = False


@dataclass(frozen=True)
class ForEach:
    """A loop over elements."""

    target: str | None = "left"
    iterable: str | None = "right"
    body: str = "body"


@dataclass(frozen=True)
class Selection:
    """`switch`, `case`, `select`."""

    subject: str | None
    breakable: bool


@dataclass(frozen=True)
class Attempt:
    """`try`: the types of its handlers, and the fields or types a handler names errors in."""

    handlers: Fields
    body: str | None = "body"
    catches: Fields = ()


@dataclass(frozen=True)
class Leap:
    """A jump."""

    kind: JumpKind


@dataclass(frozen=True)
class Labeled:
    """A label and what it marks."""


@dataclass(frozen=True)
class Definition:
    """A function."""

    name: str | None = "name"
    parameters: Fields = ("parameters",)
    body: str = "body"
    plain: bool = True
    spoiling: str = r"^async\b"


@dataclass(frozen=True)
class Macro:
    """`#define`."""


Shape: TypeAlias = (
    Skip | Parts | Statements | LiteralValue | Variable | Operation | Conditional | Listing
    | Element | Member | Invocation | Assignment | Update | Declaration | Binding | Choice | While
    | ForEach | Selection | Attempt | Leap | Labeled | Definition | Macro
)  # fmt: skip

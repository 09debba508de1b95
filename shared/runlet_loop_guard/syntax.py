"""What a program looks like to the loop guard, the same for every language.

A grammar's table turns a parse tree into these. What no table knows becomes Opaque, of which
every analysis assumes the worst, so a construct nobody thought of costs a finding and never
makes a wrong one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = int | float | str | bool | None
JumpKind: TypeAlias = Literal["break", "continue", "return", "raise", "retry"]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Anything in a program; compared by identity."""


@dataclass(frozen=True, slots=True, eq=False)
class Const(Node):
    """A literal whose value is known."""

    value: Scalar


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A variable."""

    id: str


@dataclass(frozen=True, slots=True, eq=False)
class Apply(Node):
    """An operator and its operands; `[]` makes a list, `""` a text, `?:` chooses."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Access(Node):
    """An element or a member: object, then index; `member` is set for a member."""

    parts: tuple[Node, ...]
    member: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group(Node):
    """Parts that are evaluated one after another and make nothing the guard follows."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Assign(Node):
    """Gives targets a value; `operator` is set for `+=` and its like, value None is unknown.

    `declares` says that the names are new here and may hide others, `constant` that they keep
    their value.
    """

    targets: tuple[Node, ...]
    value: Node | None
    operator: str | None = None
    constant: bool = False
    declares: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Block(Node):
    """Statements in order."""

    statements: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    """A choice between statements."""

    condition: Node
    then: Node
    orelse: Node | None


@dataclass(frozen=True, slots=True, eq=False)
class Loop(Node):
    """A loop with a condition; None is always true. `line` counts from 1."""

    line: int
    condition: Node | None
    body: Node
    update: Node | None = None
    post_test: bool = False
    until: bool = False
    label: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Each(Node):
    """A loop over the elements of something."""

    targets: tuple[Node, ...]
    iterable: Node
    body: Node
    label: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Switch(Node):
    """A choice by value; a plain break leaves it where `breakable`."""

    subject: Node
    cases: tuple[Node, ...]
    breakable: bool


@dataclass(frozen=True, slots=True, eq=False)
class Handler(Node):
    """Catches the errors named; `*` is any."""

    catches: frozenset[str]
    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Try(Node):
    """A body whose errors the handlers catch, then what is done in any case."""

    body: Node
    handlers: tuple[Handler, ...]
    rest: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Jump(Node):
    """Leaves the straight path; `target` is a label, or a count of loops."""

    kind: JumpKind
    target: str | int | None = None
    value: Node | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Function(Node):
    """A function; `plain` ones run their body when called and are nothing else."""

    name: str | None
    parameters: tuple[Node, ...]
    body: Node
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A call; `name` is the callee as written, such as `console.log`, or the method's name."""

    name: str
    callee: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque(Node):
    """Something no table knows, and the words in it."""

    words: frozenset[str]


NOTHING = Block(())


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node in the order they are evaluated, as far as that is fixed."""
    match node:
        case Apply(operands=parts) | Access(parts=parts) | Group(parts=parts):
            return parts
        case Block(statements=parts):
            return parts
        case Call(callee=callee, arguments=parts):
            return parts if callee is None else (callee, *parts)
        case Assign(targets=targets, value=value):
            return targets if value is None else (value, *targets)
        case If() | Loop() | Each() | Switch():
            return _parts_of_branching(node)
        case Try(body=body, handlers=handlers, rest=rest):
            return (body, *handlers, *rest)
        case Handler(body=body):
            return (body,)
        case Jump(value=value):
            return () if value is None else (value,)
        case Function(parameters=parameters, body=body):
            return (*parameters, body)
    return ()


def _parts_of_branching(node: If | Loop | Each | Switch) -> tuple[Node, ...]:
    parts: tuple[Node | None, ...]
    match node:
        case If(condition=condition, then=then, orelse=orelse):
            parts = (condition, then, orelse)
        case Loop(post_test=True):
            parts = (node.body, node.update, node.condition)
        case Loop():
            parts = (node.condition, node.body, node.update)
        case Each():
            parts = (node.iterable, *node.targets, node.body)
        case Switch():
            parts = (node.subject, *node.cases)
    return tuple(part for part in parts if part is not None)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, in the order it is written."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))

"""Which names a piece of a program changes."""

from collections.abc import Iterator

from runlet_loop_guard.lowering.grammar import Calls
from runlet_loop_guard.syntax import (
    Access,
    Apply,
    Assign,
    Call,
    Each,
    Group,
    Name,
    Node,
    Opaque,
    walk,
)


def rebound(node: Node) -> frozenset[str]:
    """Names that are given another value in the node, and members that are."""
    return frozenset(name for part in walk(node) for name in _rebound_by(part))


def changed(node: Node, calls: Calls) -> frozenset[str]:
    """The rebound names, and those whose elements, members or contents change."""
    touched = {name for part in walk(node) for name in _touched_by(part, calls)}
    return rebound(node) | touched


def _rebound_by(node: Node) -> Iterator[str]:
    match node:
        case Assign(targets=targets) | Each(targets=targets):
            for target in targets:
                yield from _targeted(target)
        case Opaque(words=words):
            yield from words


def _targeted(target: Node) -> Iterator[str]:
    match target:
        case Name(id=name):
            yield name
        case Access(member=str(member)):
            yield member
        case Access():
            pass
        case _:
            yield from (part.id for part in walk(target) if isinstance(part, Name))


def _touched_by(node: Node, calls: Calls) -> Iterator[str]:
    match node:
        case Assign(targets=targets):
            for target in targets:
                yield from roots(target)
        case Apply(operator="<<", operands=(Name(id=name), *_)):
            yield name
        case Call(callee=callee, name=name) if callee is not None:
            if not is_listed(name, calls.pure) and not is_listed(name, calls.lengths):
                yield from roots(callee)


def roots(node: Node) -> Iterator[str]:
    """The variables that elements or members are reached from."""
    while isinstance(node, Access) and node.parts:
        node = node.parts[0]
    if isinstance(node, Name):
        yield node.id
    if isinstance(node, Group):
        yield from (part.id for part in walk(node) if isinstance(part, Name))


def is_listed(name: str, listed: frozenset[str]) -> bool:
    """Whether a call is on a list, by its whole name, its namespace or its method."""
    namespace, dot, method = name.rpartition(".")
    if name in listed:
        return True
    return bool(dot) and (f".{method}" in listed or f"{namespace}.*" in listed)

"""Whether a loop would stop at once, because it uses a variable that has no value."""

import re

from runlet_loop_guard.analysis.effects import rebound
from runlet_loop_guard.analysis.program import Place, Program
from runlet_loop_guard.syntax import (
    Access,
    Assign,
    Block,
    Each,
    Function,
    Name,
    Node,
    children,
    walk,
)

_STREAMS = frozenset({"$stdout", "$stderr"})
_ERROR = re.compile(r"^[A-Z]\w*(?:Error|Exception)$")


def uses_unbound_names(place: Place, program: Program) -> bool:
    """Whether the loop at a place may use a name before anything gives it a value.

    Also true when it gives a constant another value. Either ends the program with an error in
    languages that do not find it before the program runs; for others the answer is False.
    """
    if not program.grammar.unbound_fails:
        return False
    loop = place.node
    changed = frozenset(
        name for part in walk(loop) if _is_reassignment(part) for name in rebound(Block((part,)))
    )
    if changed & program.fixed_names:
        return True
    scopes = _scopes(place, program)
    inner = (part for part in walk(loop) if isinstance(part, Function))
    own = {name for function in inner for one in function.parameters for name in _used(one)}
    return any(not _is_bound(name, scopes, program) for name in _used(loop) - own)


def _scopes(place: Place, program: Program) -> list[Node]:
    """The scopes whose variables a place sees, the innermost first."""
    functions: list[Node] = [
        around.node for around in place.upwards() if isinstance(around.node, Function)
    ]
    if functions and not program.grammar.functions_see_globals:
        return functions[:1]
    return [*functions, program.root]


def _is_reassignment(node: Node) -> bool:
    return isinstance(node, Assign) and not node.constant


def _used(node: Node) -> set[str]:
    return {part.id for part in walk(node) if isinstance(part, Name)}


def _is_bound(name: str, scopes: list[Node], program: Program) -> bool:
    if name[0] in "@$":
        return name in _STREAMS or program.variables.is_solid(name)
    if not name[0].isalpha() or name in program.functions or _ERROR.search(name):
        return True
    program.budget.check()
    for number, scope in enumerate(scopes):
        if isinstance(scope, Function) and _has_parameter(scope, name):
            return True
        own = _own_parts(scope)
        if any(name in _binds(part) for part in own):
            return number > 0 or _first_use_binds(own, name)
    return _is_library(name, program)


def _is_library(name: str, program: Program) -> bool:
    calls = program.grammar.calls
    known = calls.pure | calls.steady | calls.failing | calls.raising | calls.ending
    return name in known or any(entry.startswith(f"{name}.") for entry in known)


def _has_parameter(function: Function, name: str) -> bool:
    parameters = (part for one in function.parameters for part in walk(one))
    return any(isinstance(part, Name) and part.id == name for part in parameters)


def _first_use_binds(parts: list[Node], name: str) -> bool:
    """Whether the first time a scope names a variable is to give it a value."""
    for part in parts:
        if isinstance(part, Assign) and name in _binds(part):
            reads = part.value is not None and name in _used(part.value)
            return part.operator is None and not reads
        if isinstance(part, Each) and name in _binds(part):
            return True
        if isinstance(part, Name) and part.id == name:
            return False
    return False


def _binds(node: Node) -> set[str]:
    if not isinstance(node, Assign | Each):
        return set()
    return {name for target in node.targets for name in _targeted(target)}


def _targeted(target: Node) -> set[str]:
    return set() if isinstance(target, Access) else _used(target)


def _own_parts(scope: Node) -> list[Node]:
    """Everything in a scope as written, but not what is inside functions in it."""
    found: list[Node] = []
    pending = [scope.body if isinstance(scope, Function) else scope]
    while pending:
        current = pending.pop()
        found.append(current)
        if not isinstance(current, Function):
            pending.extend(reversed(children(current)))
    return found

"""What is certainly known of the variables when a loop is reached."""

from itertools import pairwise

from runlet_loop_guard.analysis.effects import changed, is_listed, roots
from runlet_loop_guard.analysis.program import Place, Program
from runlet_loop_guard.analysis.values import UNKNOWN, Elements, Evaluator, Value
from runlet_loop_guard.syntax import (
    Assign,
    Block,
    Call,
    Each,
    Function,
    Group,
    Loop,
    Name,
    Node,
    Opaque,
    children,
    walk,
)


class Known:
    """The values of variables, as a straight walk through statements leaves them."""

    def __init__(self, program: Program, evaluator: Evaluator, function: Node) -> None:
        self.values: dict[str, Value] = {
            name: const.value for name, const in program.constants.items()
        }
        self._calls = program.grammar.calls
        self._is_untyped = program.grammar.exact_types is None
        self._defined = frozenset(program.functions)
        self._evaluator = evaluator
        self._budget = program.budget
        self._hidden = set(program.aliased)
        self._set_elsewhere = _set_elsewhere(program, function)

    def assign(self, node: Assign) -> None:
        """Takes over an assignment; what cannot be worked out is forgotten."""
        values = self._worth(node)
        self.forget(node)
        if values is None:
            return
        if node.operator is not None and UNKNOWN in values:
            # Adding to a list adds to it under every name it has.
            self._forget_shared()
        for target, value in zip(node.targets, values, strict=True):
            if isinstance(target, Name) and value is not UNKNOWN:
                self._set(target.id, value)

    def _set(self, name: str, value: Value) -> None:
        # A variable with a type may not hold a number with a fraction as it is.
        fits = self._is_untyped or not isinstance(value, float)
        if name not in self._hidden and fits:
            self.values[name] = value

    def forget(self, node: Node) -> None:
        """Forgets everything a piece of the program may change."""
        self._budget.check()
        for name in changed(node, self._calls):
            self.values.pop(name, None)
        if self.runs_others(node):
            self._forget_shared()
            for part in walk(node):
                self._forget_arguments(part)

    def runs_others(self, node: Node) -> bool:
        """Whether a piece of the program may run functions or code the guard does not follow."""
        return any(self._runs_others(part) for part in walk(node))

    def hide(self, name: str) -> None:
        """Takes a variable out for good."""
        self._hidden.add(name)
        self.values.pop(name, None)

    def _forget_arguments(self, node: Node) -> None:
        for argument in node.arguments if isinstance(node, Call) else ():
            for name in roots(argument):
                self.values.pop(name, None)

    def _forget_shared(self) -> None:
        """Forgets what functions may change: lists, which may have other names, and globals."""
        self.values = {
            name: value
            for name, value in self.values.items()
            if not isinstance(value, Elements) and name not in self._set_elsewhere
        }

    def _runs_others(self, node: Node) -> bool:
        if isinstance(node, Name):
            return node.id in self._defined
        if not isinstance(node, Call):
            return isinstance(node, Opaque)
        method = node.name.rpartition(".")[2]
        return method in self._defined or not is_listed(node.name, self._calls.harmless)

    def _worth(self, node: Assign) -> list[Value] | None:
        if node.value is None:
            return None
        if node.operator is not None and isinstance(node.targets[0], Name):
            old = self.values.get(node.targets[0].id, UNKNOWN)
            new = self._evaluator.value(node.value, self.values)
            return [self._evaluator.combine(node.operator, old, new)]
        if len(node.targets) == 1:
            return [self._inner_worth(node.value)]
        parts = children(node.value)
        if len(parts) != len(node.targets) or isinstance(node.value, Call):
            return None
        return [self._evaluator.value(part, self.values) for part in parts]

    def _inner_worth(self, value: Node) -> Value:
        if isinstance(value, Assign) and value.operator is None and len(value.targets) == 1:
            return self._inner_worth(value.value) if value.value is not None else UNKNOWN
        worth = self._evaluator.value(value, self.values)
        # A second name for the same list.
        return UNKNOWN if isinstance(worth, Elements) and isinstance(value, Name) else worth


def known_at(place: Place, program: Program, evaluator: Evaluator) -> Known:
    """What is known right before the loop at a place is entered."""
    inward = _way_to(place)
    function = inward[0].node
    known = Known(program, evaluator, function)
    for name in _names_set_in(function, program):
        known.values.pop(name, None)
    for outer, inner in pairwise(inward):
        if isinstance(outer.node, Loop | Each):
            known.forget(outer.node)
        _pass_by(known, outer.node, inner.node)
    for name in _declared_in(place.node):
        known.hide(name)
    return known


def _declared_in(loop: Node) -> list[str]:
    """Names that are new in the loop's body, and so may be two variables in one."""
    body = loop.body if isinstance(loop, Loop) else loop
    declaring = (part for part in walk(body) if isinstance(part, Assign) and part.declares)
    return [name for part in declaring for target in part.targets for name in roots(target)]


def _way_to(place: Place) -> list[Place]:
    way: list[Place] = []
    for around in place.upwards():
        way.append(around)
        if isinstance(around.node, Function):
            break
    return way[::-1]


def _names_set_in(function: Node, program: Program) -> frozenset[str]:
    if not isinstance(function, Function):
        return changed(program.root, program.grammar.calls)
    parameters = {name for one in function.parameters for name in roots(one)}
    return changed(function, program.grammar.calls) | parameters


def _set_elsewhere(program: Program, function: Node) -> frozenset[str]:
    """Variables that functions other than this one set; any call may run those."""
    return frozenset(
        name
        for name, owners in program.assigned_in.items()
        if any(one is not None and one is not function for one in owners)
    )


def _pass_by(known: Known, outer: Node, inner: Node) -> None:
    """Takes over what happens in a node before the part the way leads into."""
    for part in children(outer):
        if part is inner:
            return
        if isinstance(outer, Block):
            _run_past(known, part)
        else:
            known.forget(part)


def _run_past(known: Known, node: Node) -> None:
    if isinstance(node, Assign):
        known.assign(node)
    elif isinstance(node, Group):
        for part in node.parts:
            _run_past(known, part)
    elif not isinstance(node, Function):
        known.forget(node)

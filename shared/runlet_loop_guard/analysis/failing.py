"""Whether an operation in a loop may fail, and so end the loop by an error."""

from collections.abc import Iterator

from runlet_loop_guard.analysis.effects import is_listed, rebound, roots
from runlet_loop_guard.analysis.program import Program
from runlet_loop_guard.analysis.variables import is_text
from runlet_loop_guard.lowering.grammar import Calls
from runlet_loop_guard.syntax import (
    Access,
    Apply,
    Assign,
    Call,
    Const,
    Group,
    Loop,
    Name,
    Node,
    Opaque,
    walk,
)

_DIVISIONS = frozenset({"/", "//", "%"})
_TOLERANT = frozenset({"==", "!=", "&&", "||", "<<", "in", "not in"})


class Failures:
    """Judges the operations of one loop. Whatever is not certain to work may fail."""

    def __init__(self, program: Program, loop: Loop) -> None:
        self._program = program
        self._grammar = program.grammar
        self._calls = program.grammar.calls
        self._rebound = rebound(loop) | self._set_by_calls(loop)
        self._measured = frozenset(_measured(loop.condition, self._calls))

    def is_library_call(self, node: Call) -> bool:
        """Whether a call is listed by its whole name, which the program does not redefine."""
        namespace = node.name.rpartition(".")[0]
        listed = node.name in self._calls.known or f"{namespace}.*" in self._calls.known
        return listed and not self._program.variables.redefines(node.name)

    def is_known(self, node: Call) -> bool:
        """Whether a call is listed at all: it comes back, or fails."""
        method = f".{node.name.rpartition('.')[2]}"
        return self.is_library_call(node) or method in self._calls.known

    def call_may_fail(self, node: Call, *, inside_call: bool) -> bool:
        """Whether a known call may fail, for its receiver or for its arguments."""
        if not self.is_library_call(node) and not self._has_receiver(node):
            return True
        if is_listed(node.name, self._calls.mutating):
            return not self._is_list(node)
        if is_listed(node.name, self._calls.never_failing):
            return False
        steady = is_listed(node.name, self._calls.steady) and not inside_call
        return not steady or not self._are_plain(node.arguments)

    def _has_receiver(self, node: Call) -> bool:
        return node.callee is not None and self._is_there(node.callee)

    def _is_list(self, node: Call) -> bool:
        """Whether a method for lists is called on one, where variables have no types."""
        if not self._grammar.unbound_fails:
            return True
        return isinstance(node.callee, Name) and self._program.variables.holds_only_lists(
            node.callee.id
        )

    def _are_plain(self, arguments: tuple[Node, ...]) -> bool:
        """Whether arguments are numbers from zero up, in order, or lists with elements."""
        numbers = [part.value for part in arguments if isinstance(part, Const)]
        known = [one for one in numbers if isinstance(one, int | float) and one >= 0]
        rest = [part for part in arguments if not isinstance(part, Const)]
        ordered = len(known) == len(numbers) and known == sorted(known)
        return ordered and all(self._is_full_list(part) for part in rest)

    def _is_full_list(self, node: Node) -> bool:
        if not isinstance(node, Name) or not self._is_stable(node):
            return False
        return self._program.variables.holds_only_lists(node.id, empty=False)

    def may_fail(self, node: Node, *, inside_call: bool) -> bool:
        """Whether an expression itself, apart from its parts, may fail.

        Inside functions that the loop calls nothing is known to stay the same.
        """
        match node:
            case Access():
                return inside_call or not self._is_safe_access(node)
            case Apply(operator=operator, operands=(left, right)):
                return self._operation_may_fail(operator, left, right)
            case Assign(targets=(target,), operator=str(operator), value=value) if value:
                return self._operation_may_fail(operator, target, value)
            case Assign(targets=(_, _, *_), value=value) if value is not None:
                return len(node.targets) != len(value.parts if isinstance(value, Group) else ())
        return False

    def _is_safe_access(self, node: Access) -> bool:
        """Whether an element or member is certainly there, in this round as in every other."""
        base = node.parts[0] if node.parts else None
        if not isinstance(base, Name | Access) or len(node.parts) > 2:
            return False
        if node.member is not None:
            return self._is_there(base) and node.member not in self._rebound
        if len(node.parts) == 1 or not self._is_there(base):
            return False
        if not self._grammar.missing_element_fails:
            return True
        return isinstance(base, Name) and base.id in self._measured and self._is_stable(node)

    def _is_there(self, node: Node) -> bool:
        """Whether a receiver is something that can be asked for its parts."""
        match node:
            case Name(id=name) if name in self._program.variables:
                if name in self._rebound:
                    return False
                return (
                    self._program.variables.is_solid(name) or not self._grammar.receiver_may_be_null
                )
            case Access(member=str(), parts=(base,)):
                return self._is_there(base)
            case Name():
                return True
        return isinstance(node, Const) or is_text(node)

    def _operation_may_fail(self, operator: str, left: Node, right: Node) -> bool:
        if operator not in _TOLERANT and any(self._may_be_null(one) for one in (left, right)):
            return True
        if operator in _DIVISIONS and self._grammar.arithmetic.division_fails:
            divisor = right.value if isinstance(right, Const) else 0
            return not (divisor or is_text(left))
        if operator == "+" and self._grammar.text_adds_to_text_only:
            kinds = {self._is_text(left), self._is_text(right)}
            return kinds == {True, False}
        return False

    def _may_be_null(self, node: Node) -> bool:
        if isinstance(node, Name):
            return self._program.variables.may_be_null(node.id)
        return isinstance(node, Const) and node.value is None

    def _is_text(self, node: Node) -> bool | None:
        """None when it cannot be told."""
        match node:
            case Call():
                return None
            case Name(id=name):
                return self._program.variables.holds_text(name)
            case Apply(operator="+", operands=(left, right)):
                return self._is_text(left) or self._is_text(right)
        return is_text(node)

    def _is_stable(self, node: Node) -> bool:
        """Whether an expression is the same in every round, so it fails at once or never."""
        return all(self._part_is_stable(part) for part in walk(node))

    def _part_is_stable(self, node: Node) -> bool:
        match node:
            case Name(id=name):
                return name not in self._rebound
            case Access(member=member):
                return member not in self._rebound
            case Call(name=name):
                return is_listed(name, self._calls.pure | self._calls.lengths)
            case Opaque() | Assign():
                return False
        return True

    def _set_by_calls(self, loop: Loop) -> frozenset[str]:
        """What functions of the program that the loop calls may give another value."""
        calls = [part for part in walk(loop) if isinstance(part, Call)]
        own = [call for call in calls if self._program.defines(call.name)]
        passed = {name for call in own for part in call.arguments for name in roots(part)}
        elsewhere = self._program.assigned_in if own else ()
        return frozenset(passed).union(elsewhere)


def _measured(condition: Node | None, calls: Calls) -> Iterator[str]:
    """The lists whose length a condition looks at; inside it they have elements."""
    for part in walk(condition) if condition is not None else ():
        if isinstance(part, Call) and is_listed(part.name, calls.lengths):
            for counted in (part.callee, *part.arguments):
                yield from roots(counted) if counted is not None else ()
        elif isinstance(part, Access) and f".{part.member}" in calls.lengths:
            yield from roots(part)

"""Whether anything in a loop may end it, besides its own condition."""

import re
from dataclasses import dataclass, replace

from runlet_loop_guard.analysis.failing import Failures
from runlet_loop_guard.analysis.program import Program
from runlet_loop_guard.analysis.variables import is_text
from runlet_loop_guard.lowering.grammar import Calls
from runlet_loop_guard.syntax import (
    Access,
    Call,
    Const,
    Each,
    Function,
    Handler,
    If,
    Jump,
    Loop,
    Name,
    Node,
    Opaque,
    Switch,
    Try,
    children,
)

_DEEPEST_CALL = 6
_INPUT = frozenset({"stdin", "STDIN", "ARGF", "$stdin"})


@dataclass(frozen=True)
class _Scope:
    """Where in the loop a node is: what it could break out of, and what catches its errors."""

    labels: tuple[str | None, ...] = ()
    catching: tuple[frozenset[str], ...] = ()
    called: tuple[Function, ...] = ()


class Leaving:
    """Follows everything that can be reached in one loop, and what that calls."""

    def __init__(self, program: Program, loop: Loop) -> None:
        self._program = program
        self._grammar = program.grammar
        self._loop = loop
        self._failures = Failures(program, loop)
        self._left = False

    def may_leave(self, node: Node) -> bool:
        """Whether running the node, as part of the loop, may end the loop.

        What is not known to stay in the loop counts as leaving it: calls of unknown functions,
        reads of input, elements that may be missing, divisions by what may be zero.
        """
        self._left = False
        self._visit(node, _Scope())
        return self._left

    def _visit(self, node: Node, scope: _Scope) -> bool:
        """Follows a node; returns whether control may come out behind it."""
        if self._left:
            return False
        self._program.budget.check()
        match node:
            case Opaque():
                self._left = True
            case Jump():
                return self._jump(node, scope)
            case If():
                return self._choose(node, scope)
            case Loop() | Each() | Switch():
                return self._visit_breakable(node, scope)
            case Try():
                return self._try(node, scope)
            case Function():
                return True
            case Call():
                return self._call(node, scope)
            case _:
                return self._expression(node, scope)
        return False

    def _sequence(self, nodes: tuple[Node, ...], scope: _Scope) -> bool:
        return all(self._visit(node, scope) for node in nodes)

    def _expression(self, node: Node, scope: _Scope) -> bool:
        if _reads_input(node):
            self._left = True
        if self._failures.may_fail(node, inside_call=bool(scope.called)):
            self._fail(self._grammar.implicit_error, scope)
        if isinstance(node, Name) and not self._is_variable(node.id):
            return self._call(Call(node.id, None, ()), scope)
        return self._sequence(children(node), scope)

    def _is_variable(self, name: str) -> bool:
        if name in _INPUT or name.lower() in self._calls.ending:
            return False
        if not self._grammar.bare_calls or name in self._program.assigned_in:
            return True
        return not name[0].islower()

    @property
    def _calls(self) -> Calls:
        return self._grammar.calls

    def _call(self, node: Call, scope: _Scope) -> bool:
        parts = children(node)
        if isinstance(node.callee, Function):
            return self._sequence(node.arguments, scope) and self._enter(node.callee, scope)
        by_name = self._failures.is_library_call(node)
        if not self._sequence(node.arguments if by_name else parts, scope):
            return False
        if self._program.defines(node.name):
            function = self._program.function(node.name)
            if function is not None:
                return self._enter(function, scope)
        elif self._is_harmless(node, scope):
            return True
        self._left = True
        return False

    def _is_harmless(self, node: Call, scope: _Scope) -> bool:
        callbacks = [part for part in node.arguments if isinstance(part, Function)]
        if callbacks:
            iterates = node.name.rpartition(".")[2] in self._calls.iterating
            return iterates and all(self._enter(callback, scope) for callback in callbacks)
        if not self._failures.is_known(node):
            return False
        if self._failures.call_may_fail(node, inside_call=bool(scope.called)):
            self._fail(self._grammar.implicit_error, scope)
        return True

    def _enter(self, function: Function, scope: _Scope) -> bool:
        if function in scope.called or not function.plain or len(scope.called) > _DEEPEST_CALL:
            # A function that calls itself may run out of stack, which is a way out.
            self._left = True
            return False
        inside = replace(scope, labels=(), called=(*scope.called, function))
        self._visit(function.body, inside)
        return True

    def _choose(self, node: If, scope: _Scope) -> bool:
        self._visit(node.condition, scope)
        if isinstance(node.condition, Const) and not isinstance(node.condition.value, str):
            taken = node.then if node.condition.value else node.orelse
            return taken is None or self._visit(taken, scope)
        through = self._visit(node.then, scope)
        return (node.orelse is None or self._visit(node.orelse, scope)) or through

    def _visit_breakable(self, node: Loop | Each | Switch, scope: _Scope) -> bool:
        label = None if isinstance(node, Switch) else node.label
        breakable = not isinstance(node, Switch) or node.breakable
        inside = replace(scope, labels=(*scope.labels, label)) if breakable else scope
        if isinstance(node, Switch):
            self._visit(node.subject, scope)
            for case in node.cases:
                self._visit(case, inside)
            return True
        for part in children(node):
            self._visit(part, inside)
        return True

    def _try(self, node: Try, scope: _Scope) -> bool:
        caught = frozenset(name for one in node.handlers for name in one.catches or {""})
        inside = replace(scope, catching=(*scope.catching, caught)) if node.handlers else scope
        through = self._visit(node.body, inside)
        for handler in node.handlers:
            through = self._handle(handler, scope) or through
        return self._sequence(node.rest, scope) and through

    def _handle(self, handler: Handler, scope: _Scope) -> bool:
        return self._visit(handler.body, scope)

    def _jump(self, node: Jump, scope: _Scope) -> bool:
        if node.kind == "raise":
            self._raise(node, scope)
            return False
        if node.value is not None:
            self._visit(node.value, scope)
        if node.kind == "return":
            self._left = self._left or not scope.called
        elif node.kind != "retry":
            self._left = self._left or self._goes_out(node, scope)
        return False

    def _goes_out(self, node: Jump, scope: _Scope) -> bool:
        mine = isinstance(node.target, str) and node.target == self._loop.label
        if isinstance(node.target, str) and not mine:
            return node.target not in scope.labels
        if mine:
            return node.kind == "break"
        count = node.target if isinstance(node.target, int) else 1
        depth = len(scope.labels)
        return count > depth if node.kind == "break" else count > depth + 1

    def _raise(self, node: Jump, scope: _Scope) -> None:
        value = node.value
        if isinstance(value, Call):
            self._sequence(value.arguments, scope)
            self._fail(value.name.removeprefix("new ").rpartition(".")[2], scope)
        elif isinstance(value, Name):
            self._fail(value.id, scope)
        else:
            self._fail(self._grammar.implicit_error if is_text(value) else "", scope)

    def _fail(self, error: str, scope: _Scope) -> None:
        if not any(self._catches(name, error) for names in scope.catching for name in names):
            self._left = True

    def _catches(self, name: str, error: str) -> bool:
        if name == error:
            return bool(name)
        pattern = self._grammar.catches.get(name)
        return pattern is not None and re.fullmatch(pattern, error) is not None


def _reads_input(node: Node) -> bool:
    return isinstance(node, Access) and node.member in _INPUT

"""Works out expressions whose variables are known, as the language would."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from runlet_loop_guard.analysis.effects import is_listed
from runlet_loop_guard.lowering.grammar import Arithmetic, Grammar
from runlet_loop_guard.syntax import Access, Apply, Assign, Call, Const, Name, Node, Scalar


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN


@dataclass(frozen=True)
class Elements:
    """A list of which only the length matters."""

    count: int


Value: TypeAlias = Scalar | Elements | _Unknown
State: TypeAlias = Mapping[str, Value]

_LARGEST = 2**31 - 1
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COUNT: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


class Evaluator:
    """Evaluates by one language's arithmetic. Anything it is not sure of is UNKNOWN."""

    def __init__(self, grammar: Grammar) -> None:
        self._calls = grammar.calls
        self._rules = grammar.arithmetic

    def truth(self, node: Node, state: State) -> bool | None:
        """Whether a condition holds; None when that is not known."""
        return self._truth(self.value(node, state))

    def value(self, node: Node, state: State) -> Value:
        """What an expression is worth."""
        match node:
            case Const(value=value):
                large = isinstance(value, int) and abs(value) > _LARGEST
                return UNKNOWN if large else value
            case Name(id=name):
                return state.get(name, UNKNOWN)
            case Apply(operator="&&" | "||"):
                return self._logic(node, state)
            case Apply(operator="?:", operands=(condition, then, orelse)):
                chosen = self.truth(condition, state)
                return UNKNOWN if chosen is None else self.value(then if chosen else orelse, state)
            case Apply(operator="[]", operands=operands):
                return Elements(len(operands))
            case Apply(operator=symbol, operands=(operand,)):
                return self._unary(symbol, self.value(operand, state))
            case Apply(operator=symbol, operands=(left, right)):
                return self.combine(symbol, self.value(left, state), self.value(right, state))
            case Assign(operator=None, targets=(_,), value=Node() as assigned):
                return self.value(assigned, state)
            case Call() | Access():
                return self._length(node, state)
        return UNKNOWN

    def combine(self, symbol: str, left: Value, right: Value) -> Value:
        """The outcome of an operator between two values."""
        if isinstance(left, Elements) or isinstance(right, Elements):
            return UNKNOWN
        if symbol in {"==", "!="}:
            return _equality(symbol, left, right)
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return UNKNOWN
        if isinstance(left, bool) or isinstance(right, bool):
            return UNKNOWN
        if symbol in _COMPARE:
            return _COMPARE[symbol](left, right)
        if symbol in _COUNT:
            return self._bounded(_COUNT[symbol](left, right))
        if symbol in {"/", "//", "%"} and right:
            return self._bounded(_divide(symbol, left, right, self._rules))
        return UNKNOWN

    def _truth(self, value: Value) -> bool | None:
        if isinstance(value, bool):
            return value
        if value is UNKNOWN or isinstance(value, Elements) or self._rules.only_booleans:
            return None
        if value is None:
            return False
        if isinstance(value, str):
            return None
        return not any(value == false for false in self._rules.false_values)

    def _logic(self, node: Apply, state: State) -> Value:
        stop = node.operator == "||"
        unsure = False
        for operand in node.operands:
            truth = self.truth(operand, state)
            if truth is stop and not unsure:
                return stop
            unsure = unsure or truth is None
        return UNKNOWN if unsure else not stop

    def _unary(self, symbol: str, value: Value) -> Value:
        if symbol == "!":
            truth = self._truth(value)
            return UNKNOWN if truth is None else not truth
        if symbol in {"-", "+"} and isinstance(value, int | float) and not isinstance(value, bool):
            return -value if symbol == "-" else value
        return UNKNOWN

    def _length(self, node: Call | Access, state: State) -> Value:
        counted: Node | None = None
        if isinstance(node, Call) and is_listed(node.name, self._calls.lengths):
            counted = node.callee or (node.arguments[0] if len(node.arguments) == 1 else None)
        elif isinstance(node, Access) and f".{node.member}" in self._calls.lengths:
            counted = node.parts[0]
        found = state.get(counted.id, UNKNOWN) if isinstance(counted, Name) else UNKNOWN
        return found.count if isinstance(found, Elements) else UNKNOWN

    def _bounded(self, value: float) -> Value:
        # Past this, languages wrap around, change type or lose digits, each in its own way.
        return value if abs(value) <= _LARGEST else UNKNOWN


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equality(symbol: str, left: Value, right: Value) -> Value:
    same_kind = (_is_number(left) and _is_number(right)) or type(left) is type(right)
    if not same_kind or left is UNKNOWN:
        return UNKNOWN
    return (left == right) == (symbol == "==")


def _divide(symbol: str, left: float, right: float, rules: Arithmetic) -> float:
    whole = isinstance(left, int) and isinstance(right, int)
    if symbol == "%":
        floored = rules.division == "floor" or rules.slash_is_exact
        return left % right if floored else _remainder(left, right)
    if symbol == "//" or (whole and rules.division == "floor" and not rules.slash_is_exact):
        return left // right
    if not whole or rules.division == "exact" or rules.slash_is_exact:
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: float, right: float) -> float:
    rest = math.fmod(left, right)
    return int(rest) if isinstance(left, int) and isinstance(right, int) else rest

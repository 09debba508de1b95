"""Runs a loop whose variables are known, until it ends or is where it was before."""

from enum import Enum

from runlet_loop_guard.analysis.effects import rebound
from runlet_loop_guard.analysis.entry import Known
from runlet_loop_guard.analysis.leaving import Leaving
from runlet_loop_guard.analysis.values import Evaluator
from runlet_loop_guard.syntax import (
    Apply,
    Assign,
    Block,
    Const,
    Function,
    If,
    Jump,
    Loop,
    Name,
    Node,
    walk,
)

_MOST_ROUNDS = 24
_MOST_STEPS = 400
_MOST_LINKS = 10


class Outcome(Enum):
    """How a run of a loop goes."""

    ENDS = "ends"
    REPEATS = "repeats"
    DRIFTS = "drifts"
    UNSURE = "unsure"


class _Next(Enum):
    ON = "on"
    ROUND = "round"
    OUT = "out"


class Simulation:
    """Runs one loop on known values; everything else must neither leave it nor matter."""

    def __init__(
        self, loop: Loop, known: Known, evaluator: Evaluator, leaving: Leaving, unbounded: bool
    ) -> None:
        self._loop = loop
        self._known = known
        self._evaluator = evaluator
        self._leaving = leaving
        self._unbounded = unbounded
        self._steps = 0
        self._decisive = _decisive_names(loop, known, leaving)

    def run(self) -> Outcome:
        """Runs at most 24 rounds; a state seen before, and no way out since, never ends."""
        seen: set[frozenset[tuple[str, str, object]]] = set()
        for number in range(_MOST_ROUNDS):
            if not (self._loop.post_test and number == 0):
                goes_on = self._goes_on()
                if not goes_on:
                    return Outcome.UNSURE if goes_on is None else Outcome.ENDS
            state = self._state()
            if state in seen:
                return Outcome.REPEATS
            seen.add(state)
            if self._round() is _Next.OUT:
                return Outcome.UNSURE
        return self._drift()

    def _goes_on(self) -> bool | None:
        condition = self._loop.condition
        if condition is None:
            return True
        truth = self._evaluator.truth(condition, self._known.values)
        if truth is None or self._leaving.may_leave(condition) or rebound(condition):
            return None
        return truth != self._loop.until

    def _state(self) -> frozenset[tuple[str, str, object]]:
        return frozenset(
            (name, type(value).__name__, value)
            for name, value in self._known.values.items()
            if name in self._decisive
        )

    def _round(self) -> _Next:
        if self._execute(self._loop.body) is _Next.OUT:
            return _Next.OUT
        return _Next.ON if self._loop.update is None else self._execute(self._loop.update)

    def _execute(self, node: Node) -> _Next:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return _Next.OUT
        match node:
            case Block(statements=statements):
                return self._sequence(statements)
            case If(condition=condition):
                truth = self._evaluator.truth(condition, self._known.values)
                if truth is None or rebound(condition) or self._leaving.may_leave(condition):
                    return self._skip(node)
                taken = node.then if truth else node.orelse
                return _Next.ON if taken is None else self._execute(taken)
            case Jump(kind="continue", target=None):
                return _Next.ROUND
            case Assign():
                return self._assign(node)
            case Function():
                return _Next.ON
        return self._skip(node)

    def _sequence(self, statements: tuple[Node, ...]) -> _Next:
        for statement in statements:
            step = self._execute(statement)
            if step is not _Next.ON:
                return step
        return _Next.ON

    def _assign(self, node: Assign) -> _Next:
        if self._leaving.may_leave(node):
            return _Next.OUT
        self._known.assign(node)
        return _Next.ON

    def _skip(self, node: Node) -> _Next:
        """Goes past something that cannot be followed but certainly stays in the loop."""
        if self._leaving.may_leave(node) or _jumps(node):
            return _Next.OUT
        self._known.forget(node)
        return _Next.ON

    def _drift(self) -> Outcome:
        """Whether the condition compares a variable that only moves away from the end."""
        condition = self._loop.condition
        if not self._unbounded or self._leaving.may_leave(self._loop.body):
            return Outcome.UNSURE
        if self._known.runs_others(self._loop):
            return Outcome.UNSURE
        match condition:
            case Apply(operator=operator, operands=(Name(id=name), limit)):
                pass
            case _:
                return Outcome.UNSURE
        if self._loop.until or any(
            isinstance(part, Name) and part.id in rebound(self._loop) for part in walk(limit)
        ):
            return Outcome.UNSURE
        direction = _direction(self._loop, name)
        here, there = self._known.values.get(name), self._evaluator.value(limit, self._known.values)
        if not isinstance(here, int | float) or not isinstance(there, int | float):
            return Outcome.UNSURE
        away = {"<": -1, "<=": -1, ">": 1, ">=": 1, "!=": 1 if here > there else -1}
        return Outcome.DRIFTS if direction == away.get(operator, 0) else Outcome.UNSURE


def _decisive_names(loop: Loop, known: Known, leaving: Leaving) -> frozenset[str]:
    """The variables that decide which way the loop goes, by themselves or through others."""
    decisive = _names(loop.condition) if loop.condition is not None else set()
    links = []
    for part in walk(loop):
        if isinstance(part, If) and _matters(part, known, leaving):
            decisive |= _names(part.condition)
        elif isinstance(part, If):
            links.append((rebound(part), _names(part.condition)))
        elif isinstance(part, Assign):
            links.append((rebound(part), _names(part)))
    for _ in range(_MOST_LINKS):
        reached = {name for to, by in links if not decisive.isdisjoint(to) for name in by}
        if reached <= decisive:
            return frozenset(decisive)
        decisive |= reached
    return frozenset(decisive).union(*(by for _, by in links))


def _matters(node: If, known: Known, leaving: Leaving) -> bool:
    """Whether a choice may lead out of the loop, or to code that is not followed."""
    jumps = any(isinstance(part, Jump) for part in walk(node))
    return jumps or known.runs_others(node) or leaving.may_leave(node)


def _names(node: Node) -> set[str]:
    return {part.id for part in walk(node) if isinstance(part, Name)}


def _jumps(node: Node) -> bool:
    return any(isinstance(part, Jump) and part.kind == "continue" for part in walk(node))


def _direction(loop: Loop, name: str) -> int | None:
    """Where a variable goes: 1 up, -1 down, 0 or None when it goes both ways or is not clear."""
    found: set[int] = set()
    for part in walk(loop):
        if name in rebound(Block((part,))) and isinstance(part, Assign):
            found.add(_step_of(part, name))
    return found.pop() if len(found) == 1 else None


def _step_of(node: Assign, name: str) -> int:
    operator, value = node.operator, node.value
    match value:
        case Apply(operator="+" | "-", operands=(Name(id=same), step)) if same == name:
            operator, value = value.operator, step
    single = len(node.targets) == 1 and isinstance(node.targets[0], Name)
    if not single or operator not in {"+", "-"} or not isinstance(value, Const):
        return 0
    amount = value.value
    if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        return 0
    return 1 if operator == "+" else -1

"""A whole program: its loops, its functions, and what of them is certainly used."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runlet_loop_guard.analysis.effects import is_listed, rebound
from runlet_loop_guard.analysis.variables import Variables
from runlet_loop_guard.budget import Budget
from runlet_loop_guard.lowering.grammar import Grammar
from runlet_loop_guard.syntax import (
    Assign,
    Block,
    Call,
    Const,
    Each,
    Function,
    If,
    Jump,
    Loop,
    Name,
    Node,
    children,
    walk,
)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A node and where it is."""

    node: Node
    parent: "Place | None"

    def upwards(self) -> Iterator["Place"]:
        """This place and those around it, the innermost first."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent


def owner(place: Place) -> Function | None:
    """The function a place is in; None is the top of the file.

    A function literal that is called where it stands is part of what is around it.
    """
    for around in place.upwards():
        if isinstance(around.node, Function) and not _called_in_place(around):
            return around.node
    return None


def _called_in_place(place: Place) -> bool:
    above = place.parent.node if place.parent else None
    plain = isinstance(place.node, Function) and place.node.plain
    return plain and isinstance(above, Call) and above.callee is place.node


class Program:
    """What the analyses ask about a program as a whole."""

    def __init__(self, root: Block, grammar: Grammar, source: str, budget: Budget) -> None:
        self.budget = budget
        self.grammar = grammar
        self.functions: dict[str, list[Function]] = defaultdict(list)
        self.loops: list[Place] = []
        self.assigned_in: dict[str, set[Function | None]] = defaultdict(set)
        self.constants: dict[str, Const] = {}
        self.fixed_names: set[str] = set()
        self.variables = Variables()
        self.root = root
        self._calls: list[Place] = []
        self._counts: dict[str, int] = defaultdict(int)
        self._survey()
        self._live = self._find_live()
        self.aliased = _aliased(self.assigned_in, grammar, source)

    def function(self, name: str) -> Function | None:
        """The one plain function a call by that name runs; None when that is not certain."""
        short = name.rpartition(".")[2]
        found = self.functions.get(short, [])
        if "." in name and self.variables.is_imported(name.partition(".")[0]):
            return None
        if len(found) != 1 or not found[0].plain:
            return None
        others = self._counts.get(short, 0) - (found[0].name is None)
        return None if others else found[0]

    def defines(self, name: str) -> bool:
        """Whether the program itself has a function a call by that name may run."""
        return name.rpartition(".")[2] in self.functions

    def is_used(self, place: Place) -> bool:
        """Whether a place is not dead, and in the program's main path or called from it.

        Functions only handed to others count as unused: who calls them, on which thread and
        how often is unknown.
        """
        function = owner(place)
        return not self.is_dead(place) and (self._runs_first(function) or function in self._live)

    def is_dead(self, place: Place) -> bool:
        """Whether a jump before the place, or a condition around it, keeps it from running."""
        self.budget.check()
        return any(
            around.parent is not None and self._blocks(around.parent.node, around.node)
            for around in place.upwards()
        )

    def ends_here(self, node: Node) -> bool:
        """Whether control never goes on behind a statement."""
        if isinstance(node, Block):
            return any(self.ends_here(one) for one in node.statements)
        ending = isinstance(node, Call) and is_listed(node.name, self.grammar.calls.ending)
        bare = isinstance(node, Name) and node.id in self.grammar.calls.ending
        return ending or bare or (isinstance(node, Jump))

    def _blocks(self, around: Node, inner: Node) -> bool:
        if isinstance(around, Block):
            before = around.statements[: around.statements.index(inner)]
            return any(self.ends_here(one) for one in before)
        if isinstance(around, If) and isinstance(around.condition, Const):
            return (inner is around.then) != bool(around.condition.value)
        if isinstance(around, Loop) and isinstance(around.condition, Const):
            return not around.post_test and bool(around.condition.value) == around.until
        return False

    def _survey(self) -> None:
        pending: list[Place] = [Place(self.root, None)]
        while pending:
            place = pending.pop()
            self.budget.check()
            self._note(place)
            pending.extend(Place(part, place) for part in reversed(children(place.node)))
        self.constants = {
            name: value for name, value in self.constants.items() if self._counts[name] == 1
        }

    def _note(self, place: Place) -> None:
        node = place.node
        if isinstance(node, Loop):
            self.loops.append(place)
        elif isinstance(node, Call | Name):
            self._calls.append(place)
        elif isinstance(node, Function):
            self._note_function(node)
        if not isinstance(node, Block | Function | Loop | If):
            self._note_changes(place)

    def _note_function(self, node: Function) -> None:
        if node.name is not None:
            self.functions[node.name].append(node)
        for parameter in node.parameters:
            for part in walk(parameter):
                if isinstance(part, Name):
                    self._counts[part.id] += 2
                    self.variables.note(Assign((part,), None))

    def _note_changes(self, place: Place) -> None:
        node = place.node
        if isinstance(node, Assign):
            self.variables.note(node)
            self._note_assignment(node)
        elif isinstance(node, Each):
            self.variables.note(Assign(node.targets, None))
        shallow = Block(()) if isinstance(node, Call) else node
        for name in rebound(shallow):
            self.assigned_in[name].add(owner(place))
            self._counts[name] += 1

    def _note_assignment(self, node: Assign) -> None:
        single = node.targets[0] if len(node.targets) == 1 else None
        if not isinstance(single, Name):
            return
        if node.constant:
            self.fixed_names.add(single.id)
        if isinstance(node.value, Const) and node.operator is None:
            self.constants[single.id] = node.value
        if isinstance(node.value, Function) and node.value.name is None:
            self.functions[single.id].append(node.value)

    def _runs_first(self, function: Function | None) -> bool:
        entry = self.grammar.entry
        if entry is None:
            return function is None
        return function is not None and function.name == entry

    def _find_live(self) -> set[Function | None]:
        live: set[Function | None] = set()
        while True:
            called = {
                target
                for place in self._calls
                if (target := self._target(place)) is not None
                and target not in live
                and self._runs_first_or(owner(place), live)
                and not self.is_dead(place)
            }
            if not called:
                return live
            live |= called

    def _runs_first_or(self, function: Function | None, live: set[Function | None]) -> bool:
        return self._runs_first(function) or function in live

    def _target(self, place: Place) -> Function | None:
        node = place.node
        if isinstance(node, Call):
            return self.function(node.name)
        if isinstance(node, Name) and self.grammar.bare_calls:
            return self.function(node.id)
        return None


def _aliased(names: Iterable[str], grammar: Grammar, source: str) -> frozenset[str]:
    """The variables that may be changed under another name."""
    if grammar.aliases is None:
        return frozenset()
    if grammar.aliases_of_all is not None and grammar.aliases_of_all.search(source):
        return frozenset(names)
    return frozenset(name for found in grammar.aliases.finditer(source) for name in found.groups())

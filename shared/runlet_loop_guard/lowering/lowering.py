"""Turns a parse tree into the guard's syntax, as a language's table says."""

from collections.abc import Callable, Mapping
from typing import Any

import tree_sitter

from runlet_loop_guard.budget import Budget
from runlet_loop_guard.lowering import shapes
from runlet_loop_guard.lowering.grammar import Grammar
from runlet_loop_guard.lowering.shapes import Shape
from runlet_loop_guard.lowering.tree import named, opaque, text
from runlet_loop_guard.syntax import NOTHING, Block, Node

_DEEPEST = 100

# How a shape is lowered: called with the lowering, the shape and the node.
Rules = Mapping[type, Callable[..., Node]]


class Lowering:
    """Lowers one program, each shape by the rule that is given for it.

    What lies deeper than 100 nodes is Opaque, so nothing recurses far.
    """

    def __init__(self, grammar: Grammar, rules: Rules, budget: Budget) -> None:
        self._rules = rules
        self.grammar = grammar
        self.macros: dict[str, Node] = {}
        self.inexact: set[str] = set()
        self._depth = 0
        self._budget = budget

    def program(self, root: tree_sitter.Node) -> Block:
        """The whole program. Raises OverBudgetError when it takes too long."""
        return Block(self.parts(root))

    def lower(self, node: tree_sitter.Node | None, label: str | None = None) -> Node:
        """The node in the guard's syntax; an absent one does nothing."""
        if node is None:
            return NOTHING
        shape = self.grammar.shapes.get(node.type)
        if shape is None or self._depth >= _DEEPEST:
            return opaque(node)
        self._budget.check()
        self._depth += 1
        try:
            return self._apply(shape, node, label)
        finally:
            self._depth -= 1

    def parts(self, node: tree_sitter.Node | None) -> tuple[Node, ...]:
        """All named children, lowered."""
        return () if node is None else tuple(self.lower(child) for child in named(node))

    def field(self, node: tree_sitter.Node, name: str | None) -> Node | None:
        """A field, lowered; None when the node has none."""
        child = node.child_by_field_name(name) if name else None
        return None if child is None else self.lower(child)

    def _apply(self, shape: Shape, node: tree_sitter.Node, label: str | None) -> Node:
        rule: Any = self._rules.get(type(shape))
        if isinstance(shape, shapes.Labeled):
            return self._labeled(node)
        if isinstance(shape, shapes.While | shapes.ForEach):
            loop: Node = rule(self, shape, node, label)
            return loop
        lowered: Node = rule(self, shape, node)
        return lowered

    def _labeled(self, node: tree_sitter.Node) -> Node:
        name, *marked = named(node)
        shape = self.grammar.shapes.get(marked[0].type) if marked else None
        if not isinstance(shape, shapes.While | shapes.ForEach):
            # A label on anything else is there for a goto, or for a break nobody follows here.
            return opaque(node)
        return self.lower(marked[0], text(name))

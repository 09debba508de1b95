"""Small questions about nodes of a parse tree."""

import re
from collections.abc import Iterable

import tree_sitter

from runlet_loop_guard.syntax import Opaque

_WORD = re.compile(r"[$@]{0,2}[^\W\d]\w*")


def text(node: tree_sitter.Node | None) -> str:
    """The source text of a node; nothing for no node."""
    return "" if node is None else (node.text or b"").decode("utf-8", "replace")


def words(node: tree_sitter.Node | None) -> frozenset[str]:
    """The words in a node's text."""
    return frozenset(_WORD.findall(text(node)))


def opaque(node: tree_sitter.Node) -> Opaque:
    """Something unknown, with the words in it."""
    return Opaque(words(node))


def named(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """The named children but for comments."""
    return [child for child in node.named_children if not child.type.endswith("comment")]


def part(node: tree_sitter.Node, names: Iterable[str]) -> tree_sitter.Node | None:
    """The first child in one of the fields, or else of one of the types."""
    names = tuple(names)
    for name in names:
        child = node.child_by_field_name(name)
        if child is not None:
            return child
    return next((child for child in node.named_children if child.type in names), None)


def tokens(node: tree_sitter.Node) -> list[str]:
    """The anonymous children: operators, but for brackets and separators."""
    found = [child.type for child in node.children if not child.is_named]
    return [token for token in found if token not in {"(", ")", ";", ","}]

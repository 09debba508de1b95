"""How statements are lowered, one rule for each shape."""

import re
from collections.abc import Callable

import tree_sitter

from runlet_loop_guard.lowering import literals, shapes
from runlet_loop_guard.lowering.lowering import Lowering
from runlet_loop_guard.lowering.tree import named, opaque, part, text, words
from runlet_loop_guard.syntax import (
    NOTHING,
    Apply,
    Assign,
    Block,
    Const,
    Each,
    Function,
    Group,
    Handler,
    If,
    Jump,
    Loop,
    Name,
    Node,
    Opaque,
    Switch,
    Try,
)

_NAME = re.compile(r"[$@]{0,2}[^\W\d]\w*")
_AFTERWARDS = frozenset({"else_clause", "else"})


def _skip(_low: Lowering, _shape: shapes.Skip, _node: tree_sitter.Node) -> Node:
    return NOTHING


def _statements(low: Lowering, _shape: shapes.Statements, node: tree_sitter.Node) -> Node:
    return Block(low.parts(node))


def _declaration(low: Lowering, shape: shapes.Declaration, node: tree_sitter.Node) -> Node:
    kind = text(node.child_by_field_name("type"))
    constant = re.match(shape.constant_word, text(node)) is not None
    declared = [
        _declared(low, shape, one, kind, constant)
        for one in named(node)
        if not shape.declarators or one.type in shape.declarators
    ]
    return declared[0] if len(declared) == 1 else Group(tuple(declared))


def _declared(
    low: Lowering, shape: shapes.Declaration, node: tree_sitter.Node, kind: str, constant: bool
) -> Node:
    target = part(node, shape.name) or node
    value = low.field(node, shape.value)
    names = _NAME.findall(text(target))
    kind = kind or text(node.child_by_field_name("type"))
    exact = low.grammar.exact_types
    is_list = kind.endswith("[]") and isinstance(value, Apply)
    if exact is not None and kind and not is_list and (kind not in exact or len(names) != 1):
        low.inexact.update(names)
        value = None if value is None else Group((value,))
    elif exact is not None:
        low.inexact.difference_update(names)
    if isinstance(value, Group) and len(value.parts) == 1 and kind in (exact or ()):
        value = value.parts[0]
    return Assign(tuple(Name(name) for name in names), value, constant=constant, declares=True)


def _choice(low: Lowering, shape: shapes.Choice, node: tree_sitter.Node) -> Node:
    condition = low.field(node, "condition") or NOTHING
    then = low.field(node, shape.then) or NOTHING
    rest = node.children_by_field_name("alternative")
    orelse = _alternatives(low, rest)
    if shape.negated:
        condition = Apply("!", (condition,))
    chosen = If(condition, then, orelse)
    before = low.field(node, "initializer")
    return chosen if before is None else Block((before, chosen))


def _alternatives(low: Lowering, clauses: list[tree_sitter.Node]) -> Node | None:
    """Several alternatives side by side make a chain."""
    chain: Node | None = None
    for clause in reversed(clauses):
        lowered = low.lower(clause)
        if isinstance(lowered, If) and lowered.orelse is None:
            lowered = If(lowered.condition, lowered.then, chain)
        chain = lowered
    return chain


def _while(low: Lowering, shape: shapes.While, node: tree_sitter.Node, label: str | None) -> Node:
    header = part(node, (shape.clause,)) if shape.clause else None
    if shape.each_clause and part(node, (shape.each_clause,)) is not None:
        return _range(low, shape, node, label)
    source = header or node
    condition = _condition(low, shape, node, header)
    body = node.child_by_field_name(shape.body)
    loop = Loop(
        line=node.start_point.row + 1,
        condition=condition,
        body=low.lower(body),
        update=low.field(source, shape.update),
        post_test=shape.post_test is True
        or (shape.post_test == "begin" and body is not None and body.type == "begin"),
        until=shape.until,
        label=label,
    )
    before = low.field(source, shape.initializer)
    after = low.field(node, "alternative")
    return Block(tuple(part for part in (before, loop, after) if part is not None))


def _condition(
    low: Lowering,
    shape: shapes.While,
    node: tree_sitter.Node,
    header: tree_sitter.Node | None,
) -> Node | None:
    found = (header or node).child_by_field_name(shape.condition or "condition")
    if shape.clause and header is None:
        body = node.child_by_field_name(shape.body)
        found = next((child for child in named(node) if child != body), None)
    if found is None or found.type == "empty_statement":
        return None
    return low.lower(found)


def _range(low: Lowering, shape: shapes.While, node: tree_sitter.Node, label: str | None) -> Node:
    clause = part(node, (shape.each_clause or "",))
    left = clause.child_by_field_name("left") if clause else None
    targets = tuple(Name(word) for word in sorted(words(left)))
    iterable = low.field(clause, "right") if clause else None
    return Each(targets, iterable or NOTHING, low.lower(node.child_by_field_name("body")), label)


def _for_each(
    low: Lowering, shape: shapes.ForEach, node: tree_sitter.Node, label: str | None
) -> Node:
    body = node.child_by_field_name(shape.body)
    others = [child for child in named(node) if child != body and child.type not in _AFTERWARDS]
    target = node.child_by_field_name(shape.target) if shape.target else None
    iterable = node.child_by_field_name(shape.iterable) if shape.iterable else None
    if iterable is None:
        iterable = others[0] if others else None
    bound = [target] if target is not None else [one for one in others if one != iterable]
    names = {word for one in bound for word in _NAME.findall(text(one))}
    targets = tuple(Name(name) for name in sorted(names))
    loop = Each(targets, low.lower(iterable), low.lower(body), label)
    after = low.field(node, "alternative")
    return loop if after is None else Block((loop, after))


def _selection(low: Lowering, shape: shapes.Selection, node: tree_sitter.Node) -> Node:
    subject = node.child_by_field_name(shape.subject) if shape.subject else None
    body = node.child_by_field_name("body") or node
    cases = tuple(low.lower(child) for child in named(body) if child != subject)
    return Switch(low.lower(subject), cases, shape.breakable)


def _attempt(low: Lowering, shape: shapes.Attempt, node: tree_sitter.Node) -> Node:
    parts = named(node)
    clauses = [one for one in parts if one.type in shape.handlers]
    body = node.child_by_field_name(shape.body) if shape.body else None
    rest = [one for one in parts if one not in clauses and one != body]
    if shape.body is None:
        last = [one for one in rest if one.type in {"else", "ensure"}]
        lowered: Node = Block(tuple(low.lower(one) for one in rest if one not in last))
        rest = last
    else:
        lowered = low.lower(body)
    if not clauses and not rest:
        return lowered
    handlers = tuple(_handler(low, shape, one) for one in clauses)
    return Try(lowered, handlers, tuple(low.lower(one) for one in rest))


def _handler(low: Lowering, shape: shapes.Attempt, node: tree_sitter.Node) -> Handler:
    parts = named(node)
    body = parts[-1] if parts else None
    words_before = [name for one in parts[:-1] for name in _NAME.findall(text(one))]
    bound = tuple(Name(name) for name in words_before if not name[0].isupper())
    caught = part(node, shape.catches) if shape.catches else None
    return Handler(words(caught), Block((Assign(bound, None), low.lower(body))))


def _leap(low: Lowering, shape: shapes.Leap, node: tree_sitter.Node) -> Node:
    parts = named(node)
    value: Node = Group(low.parts(node))
    if not parts or shape.kind not in {"break", "continue"}:
        single = value.parts[0] if isinstance(value, Group) and len(value.parts) == 1 else value
        return Jump(shape.kind, value=single)
    count = low.parts(node)[0]
    if isinstance(count, Const) and isinstance(count.value, int):
        return Jump(shape.kind, target=count.value)
    # Ruby's break may carry a value where other languages name a label.
    if parts[0].type == "argument_list":
        return Jump(shape.kind, value=value)
    return Jump(shape.kind, target=text(parts[0]))


def _definition(low: Lowering, shape: shapes.Definition, node: tree_sitter.Node) -> Node:
    name = _function_name(node, shape)
    body = node.child_by_field_name(shape.body)
    listed = part(node, shape.parameters)
    if listed is None and shape.name == "declarator":
        return opaque(node)
    names = dict.fromkeys(_NAME.findall(text(listed)))
    names.pop(name or "", None)
    if low.grammar.exact_types is not None:
        low.inexact.update(names)
    plain = shape.plain and re.search(shape.spoiling, _head(node, body)) is None
    parameters = tuple(Name(one) for one in names)
    return Function(name, parameters, low.lower(body), plain)


def _head(node: tree_sitter.Node, body: tree_sitter.Node | None) -> str:
    end = None if body is None else body.start_byte - node.start_byte
    return (node.text or b"")[:end].decode("utf-8", "replace")


def _function_name(node: tree_sitter.Node, shape: shapes.Definition) -> str | None:
    if shape.name is None:
        return None
    found = node.child_by_field_name(shape.name)
    while found is not None and found.child_by_field_name("declarator") is not None:
        found = found.child_by_field_name("declarator")
    return re.split(r"\W+", text(found).strip())[-1] or None if found else None


def _macro(low: Lowering, _shape: shapes.Macro, node: tree_sitter.Node) -> Node:
    name = text(node.child_by_field_name("name"))
    value = literals.number(text(node.child_by_field_name("value")).strip())
    low.macros[name] = value if isinstance(value, Const) else Opaque(frozenset({name}))
    return NOTHING


STATEMENTS: dict[type, Callable[..., Node]] = {
    shapes.Skip: _skip,
    shapes.Statements: _statements,
    shapes.Declaration: _declaration,
    shapes.Choice: _choice,
    shapes.While: _while,
    shapes.ForEach: _for_each,
    shapes.Selection: _selection,
    shapes.Attempt: _attempt,
    shapes.Leap: _leap,
    shapes.Definition: _definition,
    shapes.Macro: _macro,
}

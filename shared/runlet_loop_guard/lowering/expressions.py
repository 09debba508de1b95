"""How expressions are lowered, one rule for each shape."""

import re
from collections.abc import Callable

import tree_sitter

from runlet_loop_guard.lowering import literals, shapes
from runlet_loop_guard.lowering.lowering import Lowering
from runlet_loop_guard.lowering.tree import named, opaque, part, text, tokens, words
from runlet_loop_guard.syntax import (
    NOTHING,
    Access,
    Apply,
    Assign,
    Call,
    Const,
    Each,
    Function,
    Group,
    Jump,
    Loop,
    Name,
    Node,
)

_SAME = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "is": "==",
    "is not": "!=",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in"})
_UNFOLLOWED = frozenset({"<-", "delete", "await", "=", "??=", "defined?"})
_CALLEE = re.compile(r"[\w.$:@\\]+[?!]?")
_ONE = Const(1)


def _literal(low: Lowering, shape: shapes.LiteralValue, node: tree_sitter.Node) -> Node:
    match shape.kind:
        case "number":
            return literals.number(text(node))
        case "string":
            return literals.string(text(node)) or Apply('""', low.parts(node))
        case "true" | "false" | "boolean":
            return literals.boolean(text(node))
    return Const(None)


def _variable(low: Lowering, _shape: shapes.Variable, node: tree_sitter.Node) -> Node:
    name = text(node)
    return low.macros.get(name) or Name(name)


def _parts(low: Lowering, _shape: shapes.Parts, node: tree_sitter.Node) -> Node:
    parts = tuple(part for part in low.parts(node) if part is not NOTHING)
    return parts[0] if len(parts) == 1 else Group(parts)


def _operation(low: Lowering, _shape: shapes.Operation, node: tree_sitter.Node) -> Node:
    operators = [_SAME.get(token, token) for token in tokens(node)]
    operands = low.parts(node)
    if not operators or not operands or _UNFOLLOWED.intersection(operators):
        return opaque(node)
    if len(operands) == 1:
        return _unary(operators[0], operands[0])
    if len(operands) == 2:
        return _binary(node, operators[0], operands)
    return _chain(node, operators, operands)


def _unary(operator: str, operand: Node) -> Node:
    return Access((operand,)) if operator == "*" else Apply(operator, (operand,))


def _binary(node: tree_sitter.Node, operator: str, operands: tuple[Node, ...]) -> Node:
    # Reading from a stream looks like a shift; a shift by a variable is taken for one, too.
    if operator == ">>" and not isinstance(operands[1], Const):
        return opaque(node)
    return Apply(operator, operands)


def _chain(node: tree_sitter.Node, operators: list[str], operands: tuple[Node, ...]) -> Node:
    if len(operators) != len(operands) - 1 or not _COMPARISONS.issuperset(operators):
        return opaque(node)
    pairs = zip(operators, operands, operands[1:], strict=False)
    return Apply("&&", tuple(Apply(op, (left, right)) for op, left, right in pairs))


def _conditional(low: Lowering, shape: shapes.Conditional, node: tree_sitter.Node) -> Node:
    parts = low.parts(node)
    if len(parts) != 3:
        return opaque(node)
    return Apply("?:", tuple(parts[index] for index in shape.order))


def _listing(low: Lowering, _shape: shapes.Listing, node: tree_sitter.Node) -> Node:
    return Apply("[]", low.parts(node))


def _element(low: Lowering, _shape: shapes.Element, node: tree_sitter.Node) -> Node:
    return Access(low.parts(node))


def _member(low: Lowering, shape: shapes.Member, node: tree_sitter.Node) -> Node:
    name = node.child_by_field_name(shape.name)
    rest = tuple(low.lower(child) for child in named(node) if child != name)
    return Access(rest, member=text(name))


def _invocation(low: Lowering, shape: shapes.Invocation, node: tree_sitter.Node) -> Node:
    callee = part(node, (shape.callee,))
    receiver = node.child_by_field_name(shape.receiver) if shape.receiver else None
    name = _callee_name(callee, receiver, node)
    arguments = low.parts(part(node, (shape.arguments,)))
    block = node.child_by_field_name(shape.block) if shape.block else None
    if block is not None:
        return _with_block(low, node, name, (receiver, block), arguments)
    if receiver is None and name.rpartition(".")[2] in low.grammar.calls.raising:
        return Jump("raise", value=arguments[0] if arguments else None)
    target = _target(low, callee, receiver)
    if isinstance(target, Function):
        return Call("", target, arguments)
    return Call(name, target, arguments)


def _target(
    low: Lowering, callee: tree_sitter.Node | None, receiver: tree_sitter.Node | None
) -> Node | None:
    if receiver is not None:
        return low.lower(receiver)
    lowered = low.lower(callee)
    if isinstance(lowered, Access):
        return lowered.parts[0] if lowered.parts else None
    return lowered if isinstance(lowered, Function) else None


def _callee_name(
    callee: tree_sitter.Node | None, receiver: tree_sitter.Node | None, node: tree_sitter.Node
) -> str:
    if callee is None:
        return tokens(node)[0] if tokens(node) else "()"
    name = re.sub(r"\s|<[^<>]*>", "", text(callee)).replace("->", ".").replace("::", ".")
    if node.type in {"new_expression", "object_creation_expression"}:
        return f"new {name}"
    if receiver is not None:
        return f"{_plain(text(receiver))}.{name}"
    return name if _CALLEE.fullmatch(name) else f"{_plain(name)}"


def _plain(name: str) -> str:
    if _CALLEE.fullmatch(name):
        return name
    # A receiver that is itself computed counts by its method alone.
    return f"().{name.rpartition('.')[2]}" if "." in name else "()"


def _with_block(
    low: Lowering,
    node: tree_sitter.Node,
    name: str,
    ends: tuple[tree_sitter.Node | None, tree_sitter.Node],
    arguments: tuple[Node, ...],
) -> Node:
    receiver, block = ends
    target = low.lower(receiver)
    parameters = low.parts(part(block, ("parameters",)))
    body = low.lower(part(block, ("body",)))
    if name in low.grammar.calls.looping:
        return Loop(line=node.start_point.row + 1, condition=None, body=body)
    if name.rpartition(".")[2] in low.grammar.calls.iterating:
        return Each(parameters, Group((target, *arguments)), body)
    return Call(name, target, (*arguments, Function(None, parameters, body, plain=False)))


def _assignment(low: Lowering, shape: shapes.Assignment, node: tree_sitter.Node) -> Node:
    left, right = node.child_by_field_name(shape.left), node.child_by_field_name(shape.right)
    operator = _assigning(node)
    if left is None:
        return opaque(node)
    if operator not in {"=", ":="} and (operator[-1:] != "=" or operator == "?"):
        return opaque(node)
    value = low.lower(right) if right is not None else None
    targets = _targets(low, left)
    if any(isinstance(target, Name) and target.id in low.inexact for target in targets):
        value = Group((value or NOTHING,))
    plain = operator in {"=", ":="}
    declares = operator == ":="
    return Assign(targets, value, None if plain else operator[:-1], declares=declares)


def _assigning(node: tree_sitter.Node) -> str:
    own = node.child_by_field_name("operator")
    if own is not None:
        return text(own)
    return next((token for token in tokens(node) if token.endswith("=")), "?")


def _targets(low: Lowering, left: tree_sitter.Node) -> tuple[Node, ...]:
    lowered = low.lower(left)
    if isinstance(lowered, Group) or (isinstance(lowered, Apply) and lowered.operator == "[]"):
        return lowered.parts if isinstance(lowered, Group) else lowered.operands
    return (lowered,)


def _update(low: Lowering, _shape: shapes.Update, node: tree_sitter.Node) -> Node:
    operands = low.parts(node)
    operator = next((token for token in tokens(node) if token in {"++", "--"}), None)
    if len(operands) != 1 or operator is None:
        return opaque(node)
    if isinstance(operands[0], Name) and operands[0].id in low.inexact:
        return Assign(operands, None)
    return Assign(operands, _ONE, operator[0])


def _binding(_low: Lowering, _shape: shapes.Binding, node: tree_sitter.Node) -> Node:
    return Assign(tuple(Name(word) for word in sorted(words(node))), None)


EXPRESSIONS: dict[type, Callable[..., Node]] = {
    shapes.LiteralValue: _literal,
    shapes.Variable: _variable,
    shapes.Parts: _parts,
    shapes.Operation: _operation,
    shapes.Conditional: _conditional,
    shapes.Listing: _listing,
    shapes.Element: _element,
    shapes.Member: _member,
    shapes.Invocation: _invocation,
    shapes.Assignment: _assignment,
    shapes.Update: _update,
    shapes.Binding: _binding,
}

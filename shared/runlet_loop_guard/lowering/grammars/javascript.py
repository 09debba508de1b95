"""JavaScript, for the loop guard."""

import re

from runlet_loop_guard.lowering.grammar import Arithmetic, Calls, Grammar, listed
from runlet_loop_guard.lowering.shapes import (
    Assignment,
    Attempt,
    Binding,
    Choice,
    Conditional,
    Declaration,
    Definition,
    Element,
    ForEach,
    Invocation,
    Labeled,
    Leap,
    Listing,
    LiteralValue,
    Member,
    Operation,
    Parts,
    Selection,
    Shape,
    Skip,
    Statements,
    Update,
    Variable,
    While,
)

_DECLARATION = Declaration(("variable_declarator",), constant_word="const")

_SHAPES: dict[str, Shape] = {
    "program": Statements(),
    "statement_block": Statements(),
    "class_body": Statements(),
    "switch_case": Statements(),
    "switch_default": Statements(),
    "expression_statement": Parts(),
    "parenthesized_expression": Parts(),
    "sequence_expression": Parts(),
    "arguments": Parts(),
    "object": Parts(),
    "pair": Parts(),
    "else_clause": Parts(),
    "finally_clause": Parts(),
    "template_string": LiteralValue("string"),
    "template_substitution": Parts(),
    "class_declaration": Parts(),
    "field_definition": Parts(),
    "import_statement": Binding(),
    "object_pattern": Binding(),
    "array_pattern": Parts(),
    "empty_statement": Skip(),
    "string_fragment": Skip(),
    "escape_sequence": Skip(),
    "property_identifier": Skip(),
    "private_property_identifier": Skip(),
    "shorthand_property_identifier": Variable(),
    "this": Skip(),
    "number": LiteralValue("number"),
    "string": LiteralValue("string"),
    "true": LiteralValue("true"),
    "false": LiteralValue("false"),
    "null": LiteralValue("null"),
    "undefined": LiteralValue("null"),
    "identifier": Variable(),
    "array": Listing(),
    "binary_expression": Operation(),
    "unary_expression": Operation(),
    "ternary_expression": Conditional(),
    "subscript_expression": Element(),
    "member_expression": Member("property"),
    "call_expression": Invocation("function"),
    "new_expression": Invocation("constructor"),
    "assignment_expression": Assignment(),
    "augmented_assignment_expression": Assignment(),
    "update_expression": Update(),
    "lexical_declaration": _DECLARATION,
    "variable_declaration": _DECLARATION,
    "if_statement": Choice(),
    "while_statement": While(),
    "do_statement": While(post_test=True),
    "for_statement": While(initializer="initializer", update="increment"),
    "for_in_statement": ForEach(),
    "switch_statement": Selection("value", breakable=True),
    "try_statement": Attempt(("catch_clause",)),
    "labeled_statement": Labeled(),
    "break_statement": Leap("break"),
    "continue_statement": Leap("continue"),
    "return_statement": Leap("return"),
    "throw_statement": Leap("raise"),
    "function_declaration": Definition(),
    "function_expression": Definition(),
    "method_definition": Definition(plain=False),
    "arrow_function": Definition(name=None, parameters=("parameters", "parameter")),
    "generator_function_declaration": Definition(plain=False),
    "generator_function": Definition(plain=False),
}

_CALLS = Calls(
    pure=listed(
        "console.* Math.* Date.now performance.now String Number Boolean parseInt parseFloat "
        "isNaN Array.isArray Object.keys setTimeout setInterval clearTimeout require "
        ".toString .toFixed .toUpperCase .toLowerCase .trim .includes .indexOf .slice .concat "
        ".charAt .startsWith .endsWith .split .join"
    )
    | {"new Error", "new Date", "new Map", "new Set"},
    mutating=listed(".push .unshift"),
    failing=listed("JSON.parse JSON.stringify .repeat"),
    lengths=frozenset({".length"}),
    iterating=listed("forEach map filter reduce some every find"),
    ending=frozenset({"process.exit", "process.abort"}),
)

GRAMMAR = Grammar(
    module="tree_sitter_javascript",
    shapes=_SHAPES,
    calls=_CALLS,
    arithmetic=Arithmetic(
        division="exact", division_fails=False, unbounded=True, false_values=(0, "")
    ),
    loop_words=re.compile(r"\b(?:while|for)\b"),
    # A timer is no hazard: it cannot fire before the loop is over. Big integers, such as 5n,
    # may not be mixed with other numbers.
    hazards=re.compile(
        r"\b(?:Worker|worker_threads|child_process|cluster|Atomics|SharedArrayBuffer|vm|eval|with|"
        r"Proxy|Reflect|defineProperty|defineProperties|valueOf|toPrimitive|__proto__|"
        r"prototype)\b|\b[gs]et\s+[\w\[]|\b\d+n\b|\bnew\s+Function\b|\btoString\s*\([^)]*\)\s*\{"
    ),
    catches={"": ".*"},
    implicit_error="Error",
    missing_element_fails=False,
    unbound_fails=True,
)

"""C++, for the loop guard: C and what it adds."""

import re

from runlet_loop_guard.lowering.grammar import Arithmetic, Calls, Grammar, listed
from runlet_loop_guard.lowering.grammars import c
from runlet_loop_guard.lowering.shapes import (
    Attempt,
    Binding,
    Definition,
    ForEach,
    Leap,
    LiteralValue,
    Parts,
    Shape,
    Skip,
    Statements,
    Variable,
)

_SHAPES: dict[str, Shape] = {
    **c.SHAPES,
    "condition_clause": Parts(),
    "qualified_identifier": Variable(),
    "using_declaration": Skip(),
    "alias_declaration": Skip(),
    "class_specifier": Parts(),
    "field_declaration_list": Statements(),
    "field_declaration": Binding(),
    "access_specifier": Skip(),
    "base_class_clause": Skip(),
    "type_identifier": Skip(),
    "field_identifier": Skip(),
    "raw_string_literal": LiteralValue("string"),
    "raw_string_content": Skip(),
    "this": Skip(),
    "for_range_loop": ForEach("declarator", "right"),
    "try_statement": Attempt(("catch_clause",), catches=("parameters",)),
    "throw_statement": Leap("raise"),
    "lambda_expression": Definition(name=None, parameters=("declarator",), plain=False),
}
_STD = listed("max min abs to_string")
_PLAIN = c.PURE | _STD | {"std.this_thread.sleep_for", "this_thread.sleep_for"}

GRAMMAR = Grammar(
    module="tree_sitter_cpp",
    shapes=_SHAPES,
    calls=Calls(
        pure=_PLAIN
        | {f"std.{name}" for name in _PLAIN}
        | {"std.chrono.seconds", "chrono.seconds", "std.chrono.milliseconds"}
        | {"chrono.milliseconds", "cout.flush", "std.cout.flush", ".empty", ".c_str"},
        mutating=frozenset({".push_back", ".emplace_back", ".push", ".insert"}),
        lengths=frozenset({".size", ".length"}),
        ending=c.ENDING | {f"std.{name}" for name in c.ENDING} | {"std.terminate", "terminate"},
    ),
    arithmetic=Arithmetic(division="truncate", false_values=(0,)),
    loop_words=c.GRAMMAR.loop_words,
    hazards=re.compile(
        c.GRAMMAR.hazards.pattern
        + r"|\b(?:thread|jthread|async|atomic\w*|co_\w+|operator|exceptions)\b"
    ),
    catches={"": "(?!crash).*", "exception": r"\w+_error|exception"},
    entry="main",
    receiver_may_be_null=False,
    exact_types=c.EXACT_TYPES,
    aliases=re.compile(r"&[\s(]*(\w+)(?:\s*[=({]\s*(\w+))?"),
    aliases_of_all=re.compile(r"\[\s*&\s*[\],]|\bref\s*\("),
)

"""Java, for the loop guard."""

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

_VARIABLES = Declaration(("variable_declarator",), constant_word=r"(?:\w+\s+)*final\b")

_SHAPES: dict[str, Shape] = {
    "program": Statements(),
    "block": Statements(),
    "class_body": Statements(),
    "switch_block": Statements(),
    "switch_block_statement_group": Statements(),
    "switch_rule": Statements(),
    "switch_label": Parts(),
    "expression_statement": Parts(),
    "parenthesized_expression": Parts(),
    "argument_list": Parts(),
    "class_declaration": Parts(),
    "finally_clause": Parts(),
    "import_declaration": Binding(),
    "package_declaration": Skip(),
    "modifiers": Skip(),
    "superclass": Skip(),
    "super_interfaces": Skip(),
    "this": Skip(),
    ";": Skip(),
    "string_fragment": Skip(),
    "escape_sequence": Skip(),
    "character_literal": Skip(),
    "integral_type": Skip(),
    "floating_point_type": Skip(),
    "boolean_type": Skip(),
    "type_identifier": Skip(),
    "generic_type": Skip(),
    "array_type": Skip(),
    "cast_expression": Parts(),
    "decimal_integer_literal": LiteralValue("number"),
    "hex_integer_literal": LiteralValue("number"),
    "decimal_floating_point_literal": LiteralValue("number"),
    "string_literal": LiteralValue("string"),
    "true": LiteralValue("true"),
    "false": LiteralValue("false"),
    "null_literal": LiteralValue("null"),
    "identifier": Variable(),
    "array_initializer": Listing(),
    "binary_expression": Operation(),
    "unary_expression": Operation(),
    "ternary_expression": Conditional(),
    "array_access": Element(),
    "field_access": Member("field"),
    "method_invocation": Invocation("name", receiver="object"),
    "object_creation_expression": Invocation("type"),
    "assignment_expression": Assignment(),
    "update_expression": Update(),
    "local_variable_declaration": _VARIABLES,
    "field_declaration": _VARIABLES,
    "if_statement": Choice(),
    "while_statement": While(),
    "do_statement": While(post_test=True),
    "for_statement": While(initializer="init", update="update"),
    "enhanced_for_statement": ForEach("name", "value"),
    "switch_expression": Selection("condition", breakable=True),
    "try_statement": Attempt(("catch_clause",), catches=("catch_formal_parameter",)),
    "labeled_statement": Labeled(),
    "break_statement": Leap("break"),
    "continue_statement": Leap("continue"),
    "return_statement": Leap("return"),
    "throw_statement": Leap("raise"),
    "method_declaration": Definition(spoiling=r"\bsynchronized\b"),
    "constructor_declaration": Definition(plain=False),
    "lambda_expression": Definition(name=None, plain=False),
}

GRAMMAR = Grammar(
    module="tree_sitter_java",
    shapes=_SHAPES,
    calls=Calls(
        pure=listed(
            "System.out.println System.out.print System.out.flush System.err.println "
            "System.currentTimeMillis System.nanoTime String.valueOf "
            "Thread.sleep Integer.toString .equals .isEmpty .toString .toUpperCase .toLowerCase "
            ".trim .contains"
        )
        | {"Math.abs", "Math.max", "Math.min", "Math.sqrt", "Math.pow", "Math.random"}
        | {"Math.floor", "Math.ceil", "Math.round"}
        | {"new Random", "new ArrayList", "new StringBuilder", "new Object", "new HashMap"},
        mutating=frozenset({".append", ".add", ".put", ".addLast", ".push"}),
        failing=frozenset(
            {
                "Integer.parseInt",
                "System.out.printf",
                "String.format",
                ".get",
                ".charAt",
                ".substring",
            }
        ),
        lengths=frozenset({".length", ".size"}),
        ending=frozenset({"System.exit", "Runtime.getRuntime.halt"}),
    ),
    arithmetic=Arithmetic(division="truncate", only_booleans=True),
    loop_words=re.compile(r"\b(?:while|for)\b"),
    hazards=re.compile(
        r"\bThread\b(?!\.sleep)|\b(?:Runnable|Callable|Executor\w*|Timer\w*|CompletableFuture|Future|"
        r"volatile|Atomic\w+|ForkJoin\w*|parallel\w*|interrupt\w*|addShutdownHook|Unsafe|reflect|"
        r"ProcessHandle)\b"
    ),
    catches={
        "Throwable": ".*",
        "Exception": r"\w*Exception",
        "RuntimeException": r"Runtime\w*|Arithmetic\w*|Illegal\w*|IndexOutOf\w*|NullPointer\w*",
    },
    implicit_error="RuntimeException",
    entry="main",
    exact_types=frozenset({"int", "long", "boolean", "var", "String"}),
)

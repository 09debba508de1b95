"""C, for the loop guard."""

import re

from runlet_loop_guard.lowering.grammar import Arithmetic, Calls, Grammar, listed
from runlet_loop_guard.lowering.shapes import (
    Assignment,
    Choice,
    Conditional,
    Declaration,
    Definition,
    Element,
    Invocation,
    Labeled,
    Leap,
    Listing,
    LiteralValue,
    Macro,
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

SHAPES: dict[str, Shape] = {
    "translation_unit": Statements(),
    "compound_statement": Statements(),
    "case_statement": Statements(),
    "expression_statement": Parts(),
    "parenthesized_expression": Parts(),
    "comma_expression": Parts(),
    "argument_list": Parts(),
    "concatenated_string": Parts(),
    "else_clause": Parts(),
    "cast_expression": Parts(),
    "preproc_include": Skip(),
    "preproc_def": Macro(),
    "type_definition": Skip(),
    "struct_specifier": Skip(),
    "enum_specifier": Skip(),
    "union_specifier": Skip(),
    "type_descriptor": Skip(),
    "sizeof_expression": Skip(),
    "string_content": Skip(),
    "escape_sequence": Skip(),
    "char_literal": Parts(),
    "character": Skip(),
    "number_literal": LiteralValue("number"),
    "string_literal": LiteralValue("string"),
    "true": LiteralValue("true"),
    "false": LiteralValue("false"),
    "null": LiteralValue("null"),
    "identifier": Variable(),
    "initializer_list": Listing(),
    "binary_expression": Operation(),
    "unary_expression": Operation(),
    "pointer_expression": Operation(),
    "conditional_expression": Conditional(),
    "subscript_expression": Element(),
    "field_expression": Member("field"),
    "call_expression": Invocation("function"),
    "assignment_expression": Assignment(),
    "update_expression": Update(),
    "declaration": Declaration(
        (
            "init_declarator",
            "identifier",
            "array_declarator",
            "pointer_declarator",
            "function_declarator",
        ),
        name=("declarator",),
        constant_word="const",
    ),
    "if_statement": Choice(),
    "while_statement": While(),
    "do_statement": While(post_test=True),
    "for_statement": While(initializer="initializer", update="update"),
    "switch_statement": Selection("condition", breakable=True),
    "labeled_statement": Labeled(),
    "break_statement": Leap("break"),
    "continue_statement": Leap("continue"),
    "return_statement": Leap("return"),
    "function_definition": Definition(
        name="declarator", parameters=("declarator",), spoiling="(?!)"
    ),
}

PURE = listed(
    "printf puts putchar fflush strlen strcmp abs fabs sleep usleep rand srand time clock toupper "
    "tolower isdigit isalpha isspace malloc free "
    "sqrt pow floor ceil fprintf fputs putc fputc"
)
ENDING = listed("exit _exit _Exit abort quick_exit")

EXACT_TYPES = frozenset({"int", "long", "long int", "long long", "bool", "int64_t", "auto"})

ALIASES = re.compile(r"(?<!&)&(?!&)[\s(]*(\w+)")

GRAMMAR = Grammar(
    module="tree_sitter_c",
    shapes=SHAPES,
    calls=Calls(pure=PURE, ending=ENDING),
    arithmetic=Arithmetic(division="truncate", false_values=(0,)),
    loop_words=re.compile(r"\b(?:while|for)\b"),
    hazards=re.compile(
        r"\b(?:signal|sigaction|raise|alarm|ualarm|setitimer|timer_create|pthread\w*|thrd_\w+|fork|"
        r"setrlimit|setjmp|longjmp|asm|__asm__|volatile|goto|kill|ptrace|prctl)\b|"
        r"#\s*define\s+\w+\("
    ),
    entry="main",
    exact_types=EXACT_TYPES,
    aliases=ALIASES,
)

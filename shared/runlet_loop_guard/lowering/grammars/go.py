"""Go, for the loop guard."""

import re

from runlet_loop_guard.lowering.grammar import Arithmetic, Calls, Grammar, listed
from runlet_loop_guard.lowering.shapes import (
    Assignment,
    Binding,
    Choice,
    Declaration,
    Definition,
    Element,
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

_SHAPES: dict[str, Shape] = {
    "source_file": Statements(),
    "block": Statements(),
    "statement_list": Statements(),
    "expression_case": Statements(),
    "default_case": Statements(),
    "expression_statement": Parts(),
    "parenthesized_expression": Parts(),
    "expression_list": Parts(),
    "argument_list": Parts(),
    "literal_element": Parts(),
    "keyed_element": Parts(),
    "literal_value": Listing(),
    "composite_literal": Parts(),
    "package_clause": Skip(),
    "type_declaration": Skip(),
    "empty_statement": Skip(),
    "array_type": Skip(),
    "slice_type": Skip(),
    "map_type": Skip(),
    "type_identifier": Skip(),
    "interpreted_string_literal_content": Skip(),
    "raw_string_literal_content": Skip(),
    "escape_sequence": Skip(),
    "rune_literal": Skip(),
    "import_declaration": Binding(),
    "int_literal": LiteralValue("number"),
    "float_literal": LiteralValue("number"),
    "interpreted_string_literal": LiteralValue("string"),
    "raw_string_literal": LiteralValue("string"),
    "true": LiteralValue("true"),
    "false": LiteralValue("false"),
    "nil": LiteralValue("null"),
    "identifier": Variable(),
    "blank_identifier": Variable(),
    "binary_expression": Operation(),
    "unary_expression": Operation(),
    "index_expression": Element(),
    "selector_expression": Member("field"),
    "call_expression": Invocation("function"),
    "short_var_declaration": Assignment(),
    "assignment_statement": Assignment(),
    "inc_statement": Update(),
    "dec_statement": Update(),
    "var_declaration": Parts(),
    "const_declaration": Parts(),
    "var_spec_list": Parts(),
    "var_spec": Declaration(),
    "const_spec": Declaration(),
    "if_statement": Choice(),
    "for_statement": While(
        initializer="initializer",
        update="update",
        clause="for_clause",
        each_clause="range_clause",
    ),
    "expression_switch_statement": Selection("value", breakable=True),
    "labeled_statement": Labeled(),
    "break_statement": Leap("break"),
    "continue_statement": Leap("continue"),
    "return_statement": Leap("return"),
    "function_declaration": Definition(),
    "func_literal": Definition(name=None),
}

GRAMMAR = Grammar(
    module="tree_sitter_go",
    shapes=_SHAPES,
    calls=Calls(
        pure=listed(
            "fmt.Println fmt.Printf fmt.Print fmt.Sprintf fmt.Sprint fmt.Sprintln println print "
            "time.Sleep time.Now math.* "
            " rand.Float64 rand.Int rand.Seed log.Println log.Printf log.Print "
            "append strconv.Itoa strings.ToUpper strings.ToLower int float64 string int64"
        ),
        steady=frozenset({"rand.Intn"}),
        lengths=frozenset({"len"}),
        ending=frozenset({"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "panic"}),
    ),
    # An int has 64 bits: no loop that runs within any limit gets to the end of it.
    arithmetic=Arithmetic(division="truncate", unbounded=True, only_booleans=True),
    loop_words=re.compile(r"\bfor\b"),
    hazards=re.compile(
        r"\bgo\s+[\w(]|\b(?:signal|AfterFunc|SetDeadline|syscall|unsafe|atomic|defer|recover|goto)\b"
    ),
    entry="main",
    exact_types=frozenset({"int", "int64", "bool", "string"}),
    aliases=re.compile(r"(?<!&)&(?!&)[\s(]*(\w+)"),
)

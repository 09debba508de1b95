"""Python, for the loop guard."""

import re

from runlet_loop_guard.lowering.grammar import Arithmetic, Calls, Grammar, listed
from runlet_loop_guard.lowering.shapes import (
    Assignment,
    Attempt,
    Binding,
    Choice,
    Conditional,
    Definition,
    Element,
    ForEach,
    Invocation,
    Leap,
    Listing,
    LiteralValue,
    Member,
    Operation,
    Parts,
    Shape,
    Skip,
    Statements,
    Variable,
    While,
)

_SHAPES: dict[str, Shape] = {
    "module": Statements(),
    "block": Statements(),
    "expression_statement": Parts(),
    "parenthesized_expression": Parts(),
    "argument_list": Parts(),
    "keyword_argument": Parts(),
    "tuple": Parts(),
    "expression_list": Parts(),
    "pattern_list": Parts(),
    "tuple_pattern": Parts(),
    "dictionary": Parts(),
    "pair": Parts(),
    "slice": Parts(),
    "interpolation": Parts(),
    "else_clause": Parts(),
    "finally_clause": Parts(),
    "class_definition": Parts(),
    "global_statement": Binding(),
    "nonlocal_statement": Binding(),
    "import_statement": Binding(),
    "import_from_statement": Binding(),
    "pass_statement": Skip(),
    "type": Skip(),
    "string_start": Skip(),
    "string_content": Skip(),
    "string_end": Skip(),
    "escape_sequence": Skip(),
    "format_specifier": Skip(),
    "type_conversion": Skip(),
    "integer": LiteralValue("number"),
    "float": LiteralValue("number"),
    "string": LiteralValue("string"),
    "true": LiteralValue("true"),
    "false": LiteralValue("false"),
    "none": LiteralValue("null"),
    "identifier": Variable(),
    "list": Listing(),
    "binary_operator": Operation(),
    "boolean_operator": Operation(),
    "comparison_operator": Operation(),
    "not_operator": Operation(),
    "unary_operator": Operation(),
    "conditional_expression": Conditional((1, 0, 2)),
    "subscript": Element(),
    "attribute": Member("attribute"),
    "call": Invocation("function"),
    "assignment": Assignment(),
    "augmented_assignment": Assignment(),
    "if_statement": Choice(),
    "elif_clause": Choice(),
    "while_statement": While(),
    "for_statement": ForEach(),
    "try_statement": Attempt(("except_clause",), catches=("value",)),
    "break_statement": Leap("break"),
    "continue_statement": Leap("continue"),
    "return_statement": Leap("return"),
    "raise_statement": Leap("raise"),
    "function_definition": Definition(),
    "lambda": Definition(name=None, plain=False),
}

_CALLS = Calls(
    pure=listed(
        "print str repr len abs bool range list tuple dict set type id round min max sorted "
        "reversed enumerate zip isinstance hash time.time time.perf_counter time.monotonic "
        "datetime.now datetime.datetime.now random.random time.ctime "
        ".upper .lower .strip .title .startswith .endswith .split .copy .capitalize"
    ),
    steady=listed(
        "int float time.sleep sleep math.sqrt random.randint randint random.choice "
        "random.uniform random.seed"
    ),
    mutating=listed(".append .insert .extend .reverse"),
    failing=listed(
        "int float chr ord next math.* time.sleep pow divmod .pop .popleft .remove .index .format "
        ".join .sort .add .update .setdefault"
    ),
    lengths=frozenset({"len"}),
    ending=frozenset({"exit", "quit", "sys.exit", "os._exit", "os.abort"}),
)

GRAMMAR = Grammar(
    module="tree_sitter_python",
    shapes=_SHAPES,
    calls=_CALLS,
    arithmetic=Arithmetic(
        division="floor", slash_is_exact=True, unbounded=True, false_values=(0, "")
    ),
    loop_words=re.compile(r"\bwhile\b"),
    hazards=re.compile(
        r"\b(?:signal|threading|_thread|multiprocessing|concurrent|asyncio|trio|settrace|"
        r"setprofile|resource|ctypes|exec|eval|globals|locals|vars|setattr|builtins|gc|weakref|"
        r"inspect|fork|Timer|metaclass)\b|\bdef __(?!init__|str__|repr__|len__|main__)"
    ),
    catches={
        "": ".*",
        "BaseException": ".*",
        "Exception": r"\w+(?:Error|Exception)|StopIteration",
    },
    implicit_error="RuntimeError",
    unbound_fails=True,
    text_adds_to_text_only=True,
)

"""Parsers, one for each language and thread, made when first needed."""

import importlib
import threading
from functools import cache

import tree_sitter

from runlet_loop_guard.budget import Budget, OverBudgetError
from runlet_loop_guard.lowering.grammar import Grammar

_CHUNK_BYTES = 4096

_parsers = threading.local()


@cache
def _language(module: str, factory: str) -> tree_sitter.Language:
    return tree_sitter.Language(getattr(importlib.import_module(module), factory)())


def _parser(grammar: Grammar) -> tree_sitter.Parser:
    parsers: dict[str, tree_sitter.Parser] = _parsers.__dict__
    if grammar.module not in parsers:
        parsers[grammar.module] = tree_sitter.Parser(_language(grammar.module, grammar.factory))
    return parsers[grammar.module]


def parse(grammar: Grammar, source: bytes, budget: Budget) -> tree_sitter.Tree:
    """The syntax tree. Raises OverBudgetError when parsing takes too long."""
    parser = _parser(grammar)
    try:
        return parser.parse(
            lambda offset, _: source[offset : offset + _CHUNK_BYTES],
            progress_callback=lambda _offset, _error: budget.is_spent,
        )
    except ValueError as stopped:
        # A parser that was stopped would go on with the old text at its next call.
        parser.reset()
        raise OverBudgetError from stopped

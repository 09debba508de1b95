"""One table for each language; a table is loaded when its language is first met."""

import importlib
from functools import cache

from runlet_loop_guard.lowering.grammar import Grammar

_LANGUAGES = frozenset({"python", "javascript", "c", "cpp", "go", "java", "php", "ruby"})


@cache
def _load(language: str) -> Grammar:
    module = importlib.import_module(f"runlet_loop_guard.lowering.grammars.{language}")
    grammar: Grammar = module.GRAMMAR
    return grammar


def grammar_for(language: str) -> Grammar | None:
    """The language's table, or None for a language nobody knows."""
    return _load(language) if language in _LANGUAGES else None

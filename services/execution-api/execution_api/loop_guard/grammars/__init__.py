"""One table for each language; a table is loaded when its language is first met."""

import importlib
from functools import cache

from execution_api.loop_guard.grammar import Grammar

_LANGUAGES = frozenset({"python", "javascript", "c", "cpp", "go", "java", "php", "ruby"})


@cache
def _load(language: str) -> Grammar:
    module = importlib.import_module(f"execution_api.loop_guard.grammars.{language}")
    grammar: Grammar = module.GRAMMAR
    return grammar


def grammar_for(language: str) -> Grammar | None:
    """The language's table, or None for a language nobody knows."""
    return _load(language) if language in _LANGUAGES else None

"""The loops of a program that can never end.

Found is a loop that, once it is reached, certainly goes on for ever: its condition is always
true, or holds in a state the loop comes back to, and nothing in it leaves it. Precision goes
before recall: what is not understood counts as a way out. Ending only because something runs
out (memory, output, digits of a number) counts as never ending. A loop is looked at when it is
not dead code and the program's main path reaches it through plain calls, whatever the conditions
on the way; loops in functions that are never called, or only handed to somebody else (threads,
timers, callbacks, generators, coroutines), are no findings. Neither is anything in a program with
syntax errors, which does not run, or in one that a signal, a thread or a debugger may stop.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from runlet_loop_guard.analysis.binding import uses_unbound_names
from runlet_loop_guard.analysis.entry import known_at
from runlet_loop_guard.analysis.leaving import Leaving
from runlet_loop_guard.analysis.program import Place, Program
from runlet_loop_guard.analysis.simulation import Outcome, Simulation
from runlet_loop_guard.analysis.values import Evaluator
from runlet_loop_guard.budget import Budget, OverBudgetError
from runlet_loop_guard.lowering.expressions import EXPRESSIONS
from runlet_loop_guard.lowering.grammar import Grammar
from runlet_loop_guard.lowering.grammars import grammar_for
from runlet_loop_guard.lowering.lowering import Lowering
from runlet_loop_guard.lowering.parsing import parse
from runlet_loop_guard.lowering.statements import STATEMENTS
from runlet_loop_guard.syntax import Loop, children

LARGEST_SOURCE_BYTES = 64 * 1024
PARSING_S = 0.03
ANALYSIS_S = 0.03

_RULES = {**EXPRESSIONS, **STATEMENTS}


@dataclass(frozen=True)
class EndlessLoop:
    """A loop that can never end: its line, counted from 1, and what to do about it."""

    line: int
    message: str


_ALWAYS_TRUE = (
    "This loop never ends: its condition is always true and nothing in it leaves it. "
    "Add a break, or a condition that becomes false."
)
_NO_PROGRESS = (
    "This loop never ends: it comes back to where it was, and its condition still holds. "
    "Change the variables it depends on in every round, so that it becomes false."
)
_WRONG_WAY = (
    "This loop never ends: every round takes it further away from its end. "
    "Check the direction and the size of the step, and the comparison in the condition."
)
_MESSAGES = {Outcome.REPEATS: _NO_PROGRESS, Outcome.DRIFTS: _WRONG_WAY}


def load_grammars(languages: Iterable[str]) -> None:
    """Load the grammars now, so that the first program does not wait for it."""
    for language in languages:
        endless_loops(language, "")


def endless_loops(language: str, source: str) -> tuple[EndlessLoop, ...]:
    """The loops that can never end, by line; none for a language nobody knows.

    Takes about a millisecond for a program of some dozen lines, never raises, and finds nothing
    in programs that are too large (64 KiB) or that take longer than 30 ms of processor time.
    """
    grammar = grammar_for(language)
    encoded = source.encode("utf-8", "replace")
    if grammar is None or len(encoded) > LARGEST_SOURCE_BYTES:
        return ()
    if not grammar.loop_words.search(source) or grammar.hazards.search(source):
        return ()
    try:
        return _findings(grammar, source, encoded)
    except (RecursionError, OverBudgetError):
        # How deep a program nests is bounded, how much stack the caller has left is not.
        return ()


def _findings(grammar: Grammar, source: str, encoded: bytes) -> tuple[EndlessLoop, ...]:
    tree = parse(grammar, encoded, Budget(PARSING_S))
    if tree.root_node.has_error:
        return ()
    budget = Budget(ANALYSIS_S)
    lowered = Lowering(grammar, _RULES, budget).program(tree.root_node)
    return _examine_all(Program(lowered, grammar, source, budget))


def _examine_all(program: Program) -> tuple[EndlessLoop, ...]:
    found = {}
    for place in program.loops:
        message = _examine(place, program)
        if message is not None and isinstance(place.node, Loop):
            found[place.node.line] = message
    return tuple(EndlessLoop(line, found[line]) for line in sorted(found))


def _examine(place: Place, program: Program) -> str | None:
    loop = place.node
    if not isinstance(loop, Loop):
        return None
    evaluator, leaving = Evaluator(program.grammar), Leaving(program, loop)
    message = _prove(place, program, evaluator, leaving)
    if message is None or not program.is_used(place) or uses_unbound_names(place, program):
        return None
    return message


def _prove(place: Place, program: Program, evaluator: Evaluator, leaving: Leaving) -> str | None:
    loop = place.node
    if not isinstance(loop, Loop):
        return None
    always = loop.condition is None or evaluator.truth(loop.condition, {}) is (not loop.until)
    if always and not any(leaving.may_leave(part) for part in children(loop)):
        return _ALWAYS_TRUE
    unbounded = program.grammar.arithmetic.unbounded
    known = known_at(place, program, evaluator)
    outcome = Simulation(loop, known, evaluator, leaving, unbounded).run()
    return _MESSAGES.get(outcome)

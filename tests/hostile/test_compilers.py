"""Attacks that happen while a program is compiled."""

from pathlib import Path

import pytest

from runlet.execution import Reason
from support.sandboxes.hostile import Attack, endure
from support.sandboxes.sandboxes import TestBed

TIME = Reason.TIME_LIMIT
MEMORY = Reason.MEMORY_LIMIT
OUTPUT = Reason.OUTPUT_LIMIT
COMPILE = Reason.COMPILE_ERROR

ATTACKS = [
    Attack(
        "templates without end",
        {TIME, MEMORY, COMPILE, OUTPUT},
        "template <unsigned long N> struct A { A<N + 1> a; A<N * 2 + 1> b; };\n"
        "int main() { A<1> a; }\n",
        language="cpp",
    ),
    Attack(
        "templates that grow",
        {TIME, MEMORY, COMPILE},
        "template <int N, long M>\n"
        "struct F { static const long v = F<N - 1, M * 2>::v + F<N - 1, M * 2 + 1>::v; };\n"
        "template <long M> struct F<0, M> { static const long v = 1; };\n"
        "int main() { return F<24, 1>::v == 0; }\n",
        language="cpp",
    ),
    Attack("include of zeros", {TIME, MEMORY, COMPILE}, '#include "/dev/zero"\n', language="c"),
    Attack("include of nothing that ends", {COMPILE}, '#include "/dev/stdin"\n', language="c"),
    Attack("include of itself", {COMPILE}, '#include "main.c"\n', language="c"),
    Attack("include of the agent's memory", {COMPILE}, '#include "/proc/1/mem"\n', language="c"),
    Attack("include of secrets", {COMPILE}, '#include "/etc/shadow"\n', language="c"),
    Attack(
        "a huge array",
        {TIME, MEMORY, COMPILE, Reason.SIGNAL, Reason.NONZERO_EXIT},
        "int main(void) { return 0; }\nchar big[1ul << 40] = {1};\n",
        language="c",
    ),
    Attack(
        "macros that explode",
        {TIME, MEMORY, COMPILE},
        "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(A(x))))\n"
        "int main(void) { int i = 0; B(B(i++;)) }\n",
        language="c",
    ),
    Attack(
        "an error flood",
        {COMPILE, OUTPUT, TIME},
        '#define E(x) x x x x x x x x x x\n#pragma GCC diagnostic warning "-Wall"\n'
        "int main(void) { E(E(E(E(nonsense;)))) }\n",
        language="c",
    ),
    Attack(
        "constants without end in go",
        {COMPILE, TIME, MEMORY},
        "package main\n\nconst a = 1 << 500\nconst b = a * a * a\n\n"
        "func main() { var x [b]int; _ = x }\n",
        language="go",
    ),
    Attack(
        "nesting in java",
        {COMPILE, TIME, MEMORY, OUTPUT},
        "public class Main { int x = " + "(" * 20_000 + "1" + ")" * 20_000 + "; }\n",
        language="java",
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_on_a_compiler_ends_in_the_compile_step(bed: TestBed, attack: Attack) -> None:
    outcome = endure(bed, attack)

    assert outcome.result.compile is not None


def test_a_file_of_the_host_cannot_be_included(bed: TestBed, tmp_path: Path) -> None:
    secret = tmp_path / "secret.h"
    secret.write_text("HOST SECRET", encoding="utf-8")

    outcome = bed.run(f'#include "{secret}"\n', "c")

    assert outcome.reason is COMPILE
    assert outcome.result.compile is not None
    assert "HOST SECRET" not in outcome.result.compile.stderr
    assert "No such file" in outcome.result.compile.stderr

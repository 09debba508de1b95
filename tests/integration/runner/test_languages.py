"""What every language must do alike: input, arguments, files, and a compiler's word."""

import dataclasses
from collections.abc import Iterator

import pytest

from runlet.execution import Reason
from runlet.languages import LANGUAGES
from runner.sandbox.interface import SourceFile
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed, open_test_bed

# Each prints its first argument, its input, and a file in a sub-folder.
ECHOES = {
    "python": "import sys; print(sys.argv[1], sys.stdin.read(), open('data/deep/f').read())",
    "javascript": (
        "const fs = require('fs');\n"
        "console.log(process.argv[2], fs.readFileSync(0) + '', fs.readFileSync('data/deep/f') + '')"
    ),
    "c": (
        "#include <stdio.h>\n"
        "int main(int argc, char **argv) { char in[99], file[99];\n"
        '  fgets(in, 99, stdin); fgets(file, 99, fopen("data/deep/f", "r"));\n'
        '  printf("%s %s %s\\n", argv[1], in, file); return argc != 2; }\n'
    ),
    "cpp": (
        "#include <fstream>\n#include <iostream>\n#include <string>\n"
        "int main(int, char **argv) { std::string in, file; std::getline(std::cin, in);\n"
        '  std::ifstream f("data/deep/f"); std::getline(f, file);\n'
        '  std::cout << argv[1] << " " << in << " " << file << "\\n"; }\n'
    ),
    "go": (
        'package main\n\nimport (\n\t"fmt"\n\t"io"\n\t"os"\n)\n\nfunc main() {\n'
        '\tin, _ := io.ReadAll(os.Stdin)\n\tfile, _ := os.ReadFile("data/deep/f")\n'
        "\tfmt.Println(os.Args[1], string(in), string(file))\n}\n"
    ),
    "java": (
        "import java.nio.file.*;\npublic class Main {\n"
        "  public static void main(String[] args) throws Exception {\n"
        "    String in = new String(System.in.readAllBytes());\n"
        '    System.out.println(args[0] + " " + in + " "'
        ' + Files.readString(Path.of("data/deep/f"))); } }\n'
    ),
    "php": (
        '<?php echo "$argv[1] ", stream_get_contents(STDIN), " ",'
        ' file_get_contents("data/deep/f"), "\\n";'
    ),
    "ruby": 'puts "#{ARGV[0]} #{$stdin.read} #{File.read("data/deep/f")}"',
}
MISTAKES = {
    "c": "int main(void) { return nonsense; }\n",
    "cpp": "int main() { return nonsense; }\n",
    "go": "package main\n\nfunc main() { nonsense }\n",
    "java": "public class Main { int x = nonsense; }\n",
}


@pytest.fixture(scope="module")
def bed() -> Iterator[TestBed]:
    with open_test_bed(100) as bed:
        yield bed


@pytest.mark.parametrize("language", LANGUAGES)
def test_input_arguments_and_files_reach_a_program(bed: TestBed, language: str) -> None:
    outcome = bed.run(
        ECHOES[language],
        language,
        stdin="given",
        args=("an argument",),
        files=(SourceFile("data/deep/f", "fïle".encode()),),
    )

    assert outcome.result.stdout == "an argument given fïle\n", outcome


@pytest.mark.parametrize("language", MISTAKES)
def test_a_mistake_is_a_compile_error_in_the_compilers_words(bed: TestBed, language: str) -> None:
    outcome = bed.run(MISTAKES[language], language)

    assert outcome.reason is Reason.COMPILE_ERROR
    assert outcome.result.compile is not None
    assert outcome.result.compile.exit_code != 0
    assert "nonsense" in outcome.result.compile.stderr + outcome.result.compile.stdout
    assert (outcome.result.stdout, outcome.result.stderr) == ("", "")
    assert outcome.result.exit_code is None


@pytest.mark.parametrize("language", MISTAKES)
def test_a_program_that_compiles_tells_how_long_that_took(bed: TestBed, language: str) -> None:
    compiled = bed.run(LANGUAGES[language].template, language).result.compile

    assert compiled is not None
    assert compiled.exit_code == 0
    assert compiled.time_ms > 0


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - set(MISTAKES)))
def test_an_interpreted_program_has_no_compile_step(bed: TestBed, language: str) -> None:
    assert bed.run(LANGUAGES[language].template, language).result.compile is None


def test_what_compiles_into_no_program_is_the_learners_failure(bed: TestBed) -> None:
    outcome = bed.run("package library\n\nfunc F() {}\n", "go")

    assert (outcome.reason, outcome.result.exit_code) == (Reason.NONZERO_EXIT, 126)
    assert "main" in outcome.result.stderr


def test_a_program_that_outgrows_its_memory_by_being_compiled_hits_the_memory_limit(
    bed: TestBed,
) -> None:
    limits = dataclasses.replace(DEFAULT_LIMITS, memory_limit_mb=32)

    source = "char a[20 << 20] = {1};\nint main(void) { return !a[0]; }\n"
    beside = SourceFile("ballast", bytes(14 << 20))
    outcome = bed.run(source, "c", files=(beside,), limits=limits)

    assert outcome.reason is Reason.MEMORY_LIMIT


def test_a_program_may_open_its_own_streams_by_name(bed: TestBed) -> None:
    source = "open('/dev/stdout', 'w').write('out'); open('/dev/stderr', 'w').write('err')"

    result = bed.run(source).result

    assert (result.stdout, result.stderr) == ("out", "err")

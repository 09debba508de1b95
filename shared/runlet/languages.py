"""The languages Runlet knows: one declaration each, one folder each under deploy/runtimes."""

from collections.abc import Iterable
from dataclasses import dataclass

# Where a program lies and works inside its sandbox; agent.c says the same.
WORKING_DIRECTORY = "/tmp/work"


@dataclass(frozen=True)
class SelfTest:
    """A program that proves a language works: given the input, it must print the output."""

    source: str
    stdin: str
    stdout: str


@dataclass(frozen=True)
class Language:
    """How to show, store and run programs of one language.

    `run` and `compile` are argument vectors, started in the directory that holds `file_name`.
    `fork_server` is a program of the image that forks what `run` would start, without its start.
    Limits that are None follow the deployment's defaults.
    """

    id: str
    name: str
    runtime: str
    version: str
    file_name: str
    run: tuple[str, ...]
    template: str
    self_test: SelfTest
    compile: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    fork_server: str | None = None
    time_limit_ms: int | None = None
    memory_mb: int | None = None

    @property
    def image(self) -> str:
        """The container image, built from deploy/runtimes/<id>."""
        return f"runlet/runtime-{self.id}"


PYTHON = Language(
    id="python",
    name="Python",
    runtime="CPython",
    version="3.11",
    file_name="main.py",
    run=("/usr/bin/python3", "main.py"),
    # Unbuffered, so that what was printed before a time-out is kept.
    environment=("PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"),
    fork_server="/usr/lib/runlet/python-server",
    template='def main():\n    print("Hello World")\n\n\nif __name__ == "__main__":\n    main()\n',
    self_test=SelfTest(
        source="import json, sys\nprint(json.dumps([int(sys.stdin.read()) * 2]))\n",
        stdin="21",
        stdout="[42]\n",
    ),
)

JAVASCRIPT = Language(
    id="javascript",
    name="JavaScript",
    runtime="Node.js",
    version="18",
    file_name="main.js",
    run=("/usr/bin/node", "main.js"),
    template='function main() {\n  console.log("Hello World");\n}\n\nmain();\n',
    self_test=SelfTest(
        source="const n = Number(require('fs').readFileSync(0));\nconsole.log([n * 2].join());\n",
        stdin="21",
        stdout="42\n",
    ),
)

C = Language(
    id="c",
    name="C",
    runtime="GCC",
    version="12",
    file_name="main.c",
    compile=("/usr/bin/gcc", "-std=c17", "-O2", "-o", "main", "main.c", "-lm"),
    run=("./main",),
    template='#include <stdio.h>\n\nint main(void) {\n    puts("Hello World");\n    return 0;\n}\n',
    self_test=SelfTest(
        source=(
            "#include <math.h>\n#include <stdio.h>\n"
            'int main(void) { double n; scanf("%lf", &n); printf("%.0f\\n", sqrt(n)); }\n'
        ),
        stdin="1764",
        stdout="42\n",
    ),
)

CPP = Language(
    id="cpp",
    name="C++",
    runtime="GCC",
    version="12",
    file_name="main.cpp",
    compile=("/usr/bin/g++", "-std=c++20", "-O2", "-o", "main", "main.cpp"),
    run=("./main",),
    memory_mb=512,
    template=(
        "#include <iostream>\n\nint main() {\n"
        '    std::cout << "Hello World" << std::endl;\n    return 0;\n}\n'
    ),
    self_test=SelfTest(
        source=(
            "#include <iostream>\n#include <vector>\n"
            "int main() { int n; std::cin >> n; std::vector<int> v(2, n);\n"
            '  std::cout << v[0] + v[1] << "\\n"; }\n'
        ),
        stdin="21",
        stdout="42\n",
    ),
)

GO = Language(
    id="go",
    name="Go",
    runtime="Go",
    version="1.19",
    file_name="main.go",
    compile=("/usr/bin/go", "build", "-o", "main", "."),
    run=("./main",),
    memory_mb=512,
    # Modules need a network and a go.mod; one folder of files needs neither. CGO stays at its
    # default, with which the standard library that is compiled already counts as up to date.
    environment=("GO111MODULE=off", "GOCACHE=/tmp/go-build"),
    template=('package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("Hello World")\n}\n'),
    self_test=SelfTest(
        source=(
            'package main\n\nimport (\n\t"encoding/json"\n\t"fmt"\n\t"os"\n)\n\n'
            "func main() {\n\tvar n int\n\tfmt.Scan(&n)\n"
            "\tjson.NewEncoder(os.Stdout).Encode([]int{n * 2})\n}\n"
        ),
        stdin="21",
        stdout="[42]\n",
    ),
)

JAVA = Language(
    id="java",
    name="Java",
    runtime="OpenJDK",
    version="17",
    file_name="Main.java",
    # The archive, made when the image is built, holds the compiler's classes ready to map.
    compile=(
        "/usr/bin/javac",
        "-J-XX:SharedArchiveFile=/usr/share/runlet/javac.jsa",
        "-J-XX:+UseSerialGC",
        "-J-XX:TieredStopAtLevel=1",
        "Main.java",
    ),
    run=("/usr/bin/java", "-XX:+UseSerialGC", "-XX:MaxRAMPercentage=60", "-Xshare:auto", "Main"),
    memory_mb=512,
    template=(
        "public class Main {\n    public static void main(String[] args) {\n"
        '        System.out.println("Hello World");\n    }\n}\n'
    ),
    self_test=SelfTest(
        source=(
            "import java.util.List;\nimport java.util.Scanner;\npublic class Main {\n"
            "  public static void main(String[] args) {\n"
            "    int n = new Scanner(System.in).nextInt();\n"
            "    System.out.println(List.of(n * 2).stream().mapToInt(x -> x).sum());\n  }\n}\n"
        ),
        stdin="21",
        stdout="42\n",
    ),
)

PHP = Language(
    id="php",
    name="PHP",
    runtime="PHP",
    version="8.2",
    file_name="main.php",
    # Errors belong on standard error, and no limit of PHP's own stands in for ours.
    run=(
        "/usr/bin/php",
        "-d",
        "display_errors=stderr",
        "-d",
        "log_errors=0",
        "-d",
        "memory_limit=-1",
        "main.php",
    ),
    template='<?php\n\necho "Hello World\\n";\n',
    self_test=SelfTest(
        source="<?php echo json_encode([intval(fgets(STDIN)) * 2]), PHP_EOL;\n",
        stdin="21",
        stdout="[42]\n",
    ),
)

RUBY = Language(
    id="ruby",
    name="Ruby",
    runtime="CRuby",
    version="3.1",
    file_name="main.rb",
    run=("/usr/bin/ruby", "main.rb"),
    template='puts "Hello World"\n',
    self_test=SelfTest(
        source='require "json"\nputs JSON.generate([gets.to_i * 2])\n',
        stdin="21",
        stdout="[42]\n",
    ),
)

LANGUAGES: dict[str, Language] = {
    language.id: language for language in (PYTHON, JAVASCRIPT, C, CPP, GO, JAVA, PHP, RUBY)
}


def offered(names: Iterable[str]) -> dict[str, Language]:
    """The languages a deployment offers; none named means all.

    Raises ValueError for a name that no declaration carries.
    """
    wanted = list(names) or list(LANGUAGES)
    unknown = [name for name in wanted if name not in LANGUAGES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not a language; known: {', '.join(LANGUAGES)}")
    return {name: LANGUAGES[name] for name in wanted}

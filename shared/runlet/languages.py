"""The languages Runlet knows: one declaration each, one folder each under deploy/runtimes."""

from collections.abc import Iterable
from dataclasses import dataclass


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

LANGUAGES: dict[str, Language] = {language.id: language for language in (PYTHON, JAVASCRIPT)}


def offered(names: Iterable[str]) -> dict[str, Language]:
    """The languages a deployment offers; none named means all.

    Raises ValueError for a name that no declaration carries.
    """
    wanted = list(names) or list(LANGUAGES)
    unknown = [name for name in wanted if name not in LANGUAGES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not a language; known: {', '.join(LANGUAGES)}")
    return {name: LANGUAGES[name] for name in wanted}

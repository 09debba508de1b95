"""Runs the programs under captured/ with the real tools and writes down what these say.

    python tests/data/capture.py [LANGUAGE...]

It needs the images of the runtimes and the shared package on the import path.
"""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from runlet.languages import LANGUAGES, WORKING_DIRECTORY, Language

CAPTURED = Path(__file__).parent / "captured_errors"
MARK = "@@@ "
PLACE = "@@WORKING_DIRECTORY@@"

_STEPS = (
    f"""
mkdir -p {WORKING_DIRECTORY} && cd {WORKING_DIRECTORY} && tar xf - || exit 9
"""
    + """
step() {
    name=$1; shift
    (exec timeout 60 "$@" </dev/null >/tmp/stdout 2>/tmp/stderr)
    code=$?
    echo "@@@ $name exit=$code"
    head -c 12000 /tmp/stderr
    return $code
}
"""
)


def main() -> None:
    """Capture again for the languages named, or for all."""
    for name in sys.argv[1:] or list(LANGUAGES):
        path = CAPTURED / f"{name}.txt"
        cases = path.read_text().replace(PLACE, WORKING_DIRECTORY).split(f"{MARK}case ")[1:]
        told = "".join(_captured(case, LANGUAGES[name]) for case in cases)
        path.write_text(told.replace(WORKING_DIRECTORY, PLACE))


def _captured(case: str, language: Language) -> str:
    told, _, notes = case.partition(f"{MARK}notes\n")
    program = told.split(f"{MARK}compile ")[0].split(f"{MARK}run ")[0]
    return f"{MARK}case {program}{_run(program, language)}{MARK}notes\n{notes}"


def _run(program: str, language: Language) -> str:
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--user", "20000", "--memory"]
    command += [f"{language.memory_mb or 256}m"]
    for setting in (f"HOME={WORKING_DIRECTORY}", "LANG=C.UTF-8", *language.environment):
        command += ["--env", setting]
    command += ["--entrypoint", "/bin/sh", language.image, "-c", _script(language)]
    ended = subprocess.run(
        command, input=_archive(program, language), stdout=subprocess.PIPE, check=False, timeout=90
    )
    output = ended.stdout.decode()
    return output if output.endswith("\n") else f"{output}\n"


def _script(language: Language) -> str:
    steps = [f"step run {_quoted(language.run)}"]
    if language.compile:
        steps.insert(0, f"step compile {_quoted(language.compile)}")
    return _STEPS + " && ".join(steps)


def _quoted(command: tuple[str, ...]) -> str:
    return " ".join(f"'{word}'" for word in command)


def _archive(program: str, language: Language) -> bytes:
    first, *others = program.split(f"{MARK}file ")
    files = {language.file_name: first.split("\n", 1)[1]}
    for other in others:
        name, text = other.split("\n", 1)
        files[name] = text
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


if __name__ == "__main__":
    main()

"""Which CPython the fast exit is written for, and what becomes of it with another."""

from pathlib import Path

import docker
import pytest

from runlet.languages import LANGUAGES

FOLDER = Path(__file__).parents[3] / "deploy/runtimes/python"
WRITTEN_FOR = "3.11"
# The least that the fallback needs of Python.h, and an interpreter that ends in its own way.
OTHER_PYTHON = """
#include <stdio.h>
#include <stdlib.h>
#define PY_VERSION_HEX 0x030d0000
"""
PROGRAM = """
#include "fast_exit.h"
int __real_Py_FinalizeEx(void) { puts("finalised"); return 0; }
void __real_Py_Exit(int status) { puts("left"); exit(status); }
int main(void) {
    remember_beginning();
    if (__wrap_Py_FinalizeEx()) return 1;
    __wrap_Py_Exit(7);
}
"""
BUILD = (
    "cp /tmp/in/fast_exit.h /tmp/ && cd /tmp && cat > Python.h <<'END'\n%s\nEND\n"
    "cat > main.c <<'END'\n%s\nEND\n"
    "gcc -std=gnu11 -Wall -Wextra -Werror -Wno-error=cpp -I/tmp -o main main.c 2>&1\n"
    "./main; echo $?"
)


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return docker.DockerClient.from_env()


def test_the_image_holds_the_python_that_the_fast_exit_is_written_for(
    client: docker.DockerClient,
) -> None:
    """When this fails, read Py_FinalizeEx of the new version, and adapt fast_exit.h or drop it."""
    said = client.containers.run(
        LANGUAGES["python"].image, entrypoint=["python3", "--version"], remove=True
    )

    assert said.decode().startswith(f"Python {WRITTEN_FOR}.")


def test_with_another_python_the_build_warns_and_the_interpreter_ends_in_its_own_way(
    client: docker.DockerClient,
) -> None:
    script = BUILD % (OTHER_PYTHON, PROGRAM)
    said = client.containers.run(
        LANGUAGES["c"].image,
        entrypoint=["sh", "-c", script],
        volumes=[f"{FOLDER}:/tmp/in:ro"],
        remove=True,
    )

    *warning, finalised, left, status = said.decode().splitlines()
    assert any("warning: #warning" in line and "no fast exit" in line for line in warning)
    assert (finalised, left, status) == ("finalised", "left", "7")

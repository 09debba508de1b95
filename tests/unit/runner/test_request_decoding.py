import dataclasses
from uuid import uuid4

import pytest

from runlet.languages import PYTHON
from runlet.limits import Limits
from runlet.messages import File, InvalidMessageError, RunRequested
from runner.consume.request_decoding import program_from
from support.clocks import ManualClock

REQUEST = RunRequested(
    uuid4(), uuid4(), "python", "print('é')", Limits(1000, 64, 4096), ManualClock().now()
)


def test_text_becomes_utf_8_and_base64_becomes_bytes() -> None:
    files = (File("a.txt", "é"), File("b.bin", "AP8=", "base64"))

    program = program_from(dataclasses.replace(REQUEST, files=files, stdin="ü"), PYTHON)

    assert [(file.name, file.content) for file in program.files] == [
        ("main.py", "print('é')".encode()),
        ("a.txt", "é".encode()),
        ("b.bin", b"\x00\xff"),
    ]
    assert program.stdin == "ü".encode()


def test_a_file_that_is_not_base64_makes_the_message_invalid() -> None:
    with pytest.raises(InvalidMessageError, match=r"b\.bin"):
        program_from(dataclasses.replace(REQUEST, files=(File("b.bin", "?", "base64"),)), PYTHON)

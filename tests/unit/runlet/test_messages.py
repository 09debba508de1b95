from datetime import UTC, datetime
from uuid import UUID

import pytest

from runlet import messages
from runlet.execution import CompileResult, ExecutionResult, Reason, Status
from runlet.limits import Limits
from runlet.messages import (
    ExecutionFinished,
    ExecutionRetrying,
    ExecutionStarted,
    File,
    InvalidMessageError,
    Message,
    RunRequested,
)

ID = UUID("0b0d6b9a-4e2f-4c56-8b9a-3f1f8f0f7b11")
NOW = datetime(2030, 1, 1, 12, 30, tzinfo=UTC)

ONE_OF_EACH: list[Message] = [
    RunRequested(
        ID,
        ID,
        "python",
        "print('é')",
        Limits(1000, 64, 4096),
        NOW,
        stdin="x",
        args=("a",),
        files=(File("d/b.bin", "AA==", "base64"),),
        attempt=2,
    ),
    ExecutionStarted(ID, ID, 1, NOW, "runner-1"),
    ExecutionFinished(
        ID,
        ID,
        1,
        Status.FAILED,
        Reason.COMPILE_ERROR,
        NOW,
        NOW,
        ExecutionResult(compile=CompileResult(1, "", "error", 12)),
    ),
    ExecutionRetrying(ID, ID, 1, NOW, "The engine is away.", 2),
]


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda message: type(message).__name__)
def test_what_is_written_reads_back_the_same(message: Message) -> None:
    type_name = messages.TYPE_NAMES[type(message)]

    assert messages.decode(type_name, messages.encode(message)) == message


@pytest.mark.parametrize(
    ("type_name", "body"),
    [
        (None, b"{}"),
        ("run.requested.v2", b"{}"),
        ("run.requested.v1", b""),
        ("run.requested.v1", b"[]"),
        ("run.requested.v1", b"\xff"),
        ("execution.started.v1", b'{"execution_id": 5}'),
    ],
)
def test_anything_else_is_an_invalid_message(type_name: str | None, body: bytes) -> None:
    with pytest.raises(InvalidMessageError):
        messages.decode(type_name, body)


def test_members_a_newer_sender_adds_are_ignored() -> None:
    body = messages.encode(ONE_OF_EACH[1])[:-1] + b',"novelty": 1}'

    assert messages.decode("execution.started.v1", body) == ONE_OF_EACH[1]


def test_messages_of_the_version_before_are_read() -> None:
    ids = f'"execution_id":"{ID}","session_id":"{ID}","attempt":1'
    started = f'{{{ids},"started_at":"2030-01-01T12:30:00Z","runner":"runner-1"}}'
    finished = (
        f'{{{ids},"status":"COMPLETED","reason":null,"started_at":"2030-01-01T12:30:00Z",'
        '"finished_at":"2030-01-01T12:30:00Z","result":{"stdout":"42"},"language":"python"}'
    )

    assert messages.decode("execution.started.v1", started.encode()) == ONE_OF_EACH[1]
    read = messages.decode("execution.finished.v1", finished.encode())
    assert isinstance(read, ExecutionFinished)
    assert (read.runner, read.container, read.image) == ("", "", "")

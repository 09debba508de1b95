"""What calls and answers look like, for the OpenAPI document."""

from typing import Any

from execution_api.dead_letters.schemas import LETTER_ID
from execution_api.executions.schemas import EXECUTION_ID
from runlet.execution import RESULT, Status
from runlet_http.openapi.documents import UUID_EXAMPLE

SENT, STARTED, ENDED = (f"2025-01-31T12:00:{second}+00:00" for second in ("00", "00.004", "00.017"))

RUN = {
    "source_code": "print(sum(int(line) for line in open('numbers.txt')))",
    "stdin": "",
    "args": [],
    "files": [{"name": "numbers.txt", "content": "40\n2\n"}],
    "time_limit_ms": 5000,
    "memory_limit_mb": 256,
}

ACCEPTED = {"execution_id": EXECUTION_ID, "status": Status.QUEUED}

CANCELLED = {"execution_id": EXECUTION_ID, "status": Status.CANCELLED}

EXECUTION: dict[str, Any] = {
    "execution_id": EXECUTION_ID,
    "session_id": UUID_EXAMPLE,
    "language": "python",
    "status": Status.COMPLETED,
    "reason": None,
    **{each.name: each.example for each in RESULT},
    "feedback": [],
    "attempts": 1,
    "limits": {
        "time_limit_ms": 5000,
        "memory_limit_mb": 256,
        "output_limit_bytes": 1_048_576,
        "processes": 64,
        "scratch_mb": 64,
    },
    "created_at": SENT,
    "queued_at": SENT,
    "started_at": STARTED,
    "finished_at": ENDED,
}

EVENTS = {
    "execution_id": EXECUTION_ID,
    "events": [
        {"type": "queued", "at": SENT, "attempt": 1, "detail": None},
        {"type": "started", "at": STARTED, "attempt": 1, "detail": "runner-1"},
        {"type": "finished", "at": ENDED, "attempt": 1, "detail": Status.COMPLETED},
    ],
}

EXECUTIONS = {
    "session_id": UUID_EXAMPLE,
    "executions": [
        {
            "execution_id": EXECUTION_ID,
            "status": Status.COMPLETED,
            "execution_time_ms": 12,
            "exit_code": 0,
            "created_at": SENT,
        }
    ],
    "next_cursor": None,
}

DEAD_LETTERS = {
    "dead_letters": [
        {
            "id": LETTER_ID,
            "execution_id": EXECUTION_ID,
            "reason": "The sandbox did not start.",
            "attempts": 4,
            "at": ENDED,
        }
    ],
    "next_cursor": None,
}

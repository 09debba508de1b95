"""What calls and answers look like, for the OpenAPI document."""

from runlet_http.openapi.documents import UUID_EXAMPLE
from session_api.tables import ACTIVE, INACTIVE

PROGRAM = 'print("Hello World")\n'
BEGAN, SAVED_AT = "2025-01-31T12:00:00.000000+00:00", "2025-01-31T12:00:05.000000+00:00"

NEW_SESSION = {"language": "python", "user_id": "student-7", "problem_id": "two-sum"}

SESSION = {
    "session_id": UUID_EXAMPLE,
    "status": ACTIVE,
    "language": "python",
    "source_code": PROGRAM,
    "revision": 1,
    "created_at": BEGAN,
    "updated_at": BEGAN,
}

WHOLE_SESSION = {
    **SESSION,
    "language_id": "python",
    "language_name": "Python",
    "runtime": "CPython",
    "version": "3.11",
    "user_id": "student-7",
    "problem_id": "two-sum",
}

SESSIONS = {"sessions": [SESSION], "next_cursor": None}

CHANGES = {"source_code": PROGRAM}

SAVED = {"session_id": UUID_EXAMPLE, "status": ACTIVE, "revision": 2, "updated_at": SAVED_AT}

CLOSED = {"session_id": UUID_EXAMPLE, "status": INACTIVE}

LANGUAGE = {
    "id": "python",
    "name": "Python",
    "runtime": "CPython",
    "version": "3.11",
    "file_name": "main.py",
    "default_time_limit_ms": 5000,
    "default_memory_mb": 256,
}

LANGUAGES = {"total": 1, "languages": [LANGUAGE]}

LANGUAGE_WITH_TEMPLATE = {**LANGUAGE, "template_code": PROGRAM}

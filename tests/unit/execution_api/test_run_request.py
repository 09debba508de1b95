import dataclasses
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from execution_api.errors import TooLargeError
from execution_api.runs import run_request
from execution_api.runs.run_request import RunBody
from execution_api.runs.session_client import Snapshot
from runlet.languages import PYTHON
from runlet.limits import MAX_STDIN_BYTES, LimitSettings
from runlet.messages import File, RunRequested

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SESSION = Snapshot(uuid4(), "ACTIVE", "python", "print('saved')")
SETTINGS = LimitSettings(max_source_bytes=1024)


def build(body: RunBody, settings: LimitSettings = SETTINGS) -> RunRequested:
    """The request for a Python run."""
    return run_request.build(SESSION, PYTHON, body, settings, NOW)


def test_the_saved_program_runs_unless_one_is_sent() -> None:
    assert build(RunBody()).source_code == "print('saved')"
    assert build(RunBody(source_code="")).source_code == ""


def test_every_request_has_an_id_of_its_own() -> None:
    assert build(RunBody()).execution_id != build(RunBody()).execution_id


def test_what_was_asked_for_comes_before_the_language_and_that_before_the_deployment() -> None:
    settings = LimitSettings(default_time_limit_ms=1000, default_memory_mb=100)
    slow = dataclasses.replace(PYTHON, time_limit_ms=2000, memory_mb=200)
    asked = RunBody(time_limit_ms=3000, memory_limit_mb=300)

    def limits(language: object, body: RunBody) -> tuple[int, int]:
        chosen = run_request.build(SESSION, language, body, settings, NOW).limits  # type: ignore[arg-type]
        return chosen.time_limit_ms, chosen.memory_limit_mb

    assert limits(PYTHON, RunBody()) == (1000, 100)
    assert limits(slow, RunBody()) == (2000, 200)
    assert limits(slow, asked) == (3000, 300)


@pytest.mark.parametrize(
    "body",
    [
        RunBody(source_code="x" * 1025),
        RunBody(source_code="ü" * 513),
        RunBody(files=(File("a", "x" * 1024),)),
    ],
)
def test_source_and_files_together_have_a_limit(body: RunBody) -> None:
    with pytest.raises(TooLargeError):
        build(body)


def test_source_and_files_may_fill_the_limit() -> None:
    assert build(RunBody(source_code="x" * 24, files=(File("a", "x" * 1000),)))


def test_input_has_a_limit_of_its_own() -> None:
    assert build(RunBody(stdin="x" * MAX_STDIN_BYTES))
    with pytest.raises(TooLargeError):
        build(RunBody(stdin="x" * (MAX_STDIN_BYTES + 1)))


def test_a_digest_tells_bodies_apart() -> None:
    bodies = [
        RunBody(),
        RunBody(source_code=""),
        RunBody(source_code="1"),
        RunBody(stdin="1"),
        RunBody(args=("1",)),
        RunBody(args=("1", "")),
        RunBody(files=(File("1", ""),)),
        RunBody(files=(File("1", "", "base64"),)),
        RunBody(time_limit_ms=500),
        RunBody(memory_limit_mb=500),
    ]
    assert len({body.digest() for body in bodies}) == len(bodies)


def test_a_digest_is_the_same_for_the_same_body() -> None:
    assert RunBody(args=("1",)).digest() == RunBody(args=("1",)).digest()

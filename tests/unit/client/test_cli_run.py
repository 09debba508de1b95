"""`runlet run`, as a shell sees it."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from runlet_client.cli.main import main
from support.http.client_api import (
    LIMITS,
    SESSION,
    FakeApi,
    accepted,
    event,
    events,
    execution,
    ok,
    problem,
)

RUN = "POST /code-sessions/s1/run"
STREAM = "GET /executions/e1/stream"
READ = "GET /executions/e1"
CANCEL = "POST /executions/e1/cancel"
CLOSE = "PATCH /code-sessions/s1/close"

Output = pytest.CaptureFixture[str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "main.py"
    file.write_text("print('hé')\n", encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def _session(api: FakeApi) -> None:
    api.on("POST /code-sessions", ok(SESSION, 201))
    api.on(CLOSE, ok({}))


def runlet(api: FakeApi, *argv: str | Path) -> int:
    return main([str(argument) for argument in argv], api.transport)


def streams(api: FakeApi, *before: bytes, **result: Any) -> None:
    """Prepare a run that prints so and ends so."""
    api.on(RUN, accepted())
    api.on(STREAM, events(*before, event("status", 99, execution(**result))))


def test_output_goes_where_the_program_sent_it(api: FakeApi, source: Path, capsys: Output) -> None:
    out, err = event("stdout", 1, {"text": "hé\n"}), event("stderr", 2, {"text": "oh\n"})
    streams(api, out, err, stdout="hé\n", stderr="oh\n", exit_code=0)

    assert runlet(api, "run", source) == 0

    assert capsys.readouterr() == ("hé\n", "oh\n")
    assert api.body("POST /code-sessions") == {
        "language": "python",
        "source_code": "print('hé')\n",
    }
    assert len(api.sent(CLOSE)) == 1


@pytest.mark.parametrize(
    ("result", "code", "words"),
    [
        ({"status": "FAILED", "reason": "nonzero_exit", "exit_code": 3}, 3, ""),
        ({"status": "FAILED", "reason": "signal", "signal": 11}, 139, "SIGSEGV"),
        ({"status": "FAILED", "reason": "signal", "signal": 63}, 191, "signal 63"),
        ({"status": "FAILED", "reason": "memory_limit", "signal": 9}, 137, "256 MiB"),
        ({"status": "FAILED", "reason": "output_limit"}, 137, "1048576 bytes"),
        ({"status": "TIMEOUT", "reason": "time_limit", "signal": 9}, 124, "5000 ms"),
        ({"status": "CANCELLED", "reason": "cancelled"}, 130, "cancelled"),
        ({"status": "FAILED", "reason": "infrastructure"}, 125, "platform failed"),
        ({"status": "FAILED", "reason": "lost"}, 125, "platform failed"),
        ({"status": "FAILED", "reason": "something_new"}, 1, "something_new"),
        ({"status": "COMPLETED", "exit_code": 0, "stdout_truncated": True}, 0, "cut off"),
    ],
)
def test_the_end_becomes_an_exit_code_and_a_sentence(
    api: FakeApi, source: Path, capsys: Output, result: dict[str, Any], code: int, words: str
) -> None:
    streams(api, **result)

    assert runlet(api, "run", source) == code

    told = capsys.readouterr().err
    assert words in told
    assert bool(told) == bool(words)


def test_what_the_compiler_said_is_shown(api: FakeApi, source: Path, capsys: Output) -> None:
    compiled = {"exit_code": 2, "stdout": "", "stderr": "main.c:1: error\n", "time_ms": 1}
    streams(api, status="FAILED", reason="compile_error", compile=compiled)

    assert runlet(api, "run", "--language", "c", source) == 2

    assert capsys.readouterr().err.startswith("main.c:1: error\nrunlet: ")


def test_what_the_stream_left_out_is_shown_at_the_end(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    streams(api, event("stdout", 1, {"text": "a"}), stdout="ab\n", stderr="c\n")

    runlet(api, "run", source)

    assert capsys.readouterr() == ("ab\n", "c\n")


@pytest.mark.usefixtures("no_pauses")
def test_without_a_stream_the_output_comes_at_the_end(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    api.on(RUN, accepted())
    api.on(STREAM, problem(404, "There is nothing at this address."))
    api.on(READ, ok(execution("RUNNING")), ok(execution(stdout="late\n", exit_code=0)))

    assert runlet(api, "run", source) == 0

    assert capsys.readouterr() == ("late\n", "")


def test_an_end_without_the_execution_makes_it_asked_for(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    api.on(RUN, accepted())
    api.on(STREAM, events(event("status", 1, {"status": "COMPLETED"})))
    api.on(READ, ok(execution(stdout="x")))

    assert runlet(api, "run", source) == 0

    assert capsys.readouterr().out == "x"


def test_every_option_arrives(api: FakeApi, source: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"text")
    (tmp_path / "b.bin").write_bytes(b"\0")
    streams(api)
    options = ["--stdin", "5\n", "--arg=-a", "--time-limit", "100", "--memory", "32"]
    files = [f"--file=d/t.txt={tmp_path / 't.txt'}", "--file", f"b.bin={tmp_path / 'b.bin'}"]

    assert runlet(api, "run", source, *options, *files, "--", "-x", "--", "y") == 0

    assert api.body(RUN) == {
        "stdin": "5\n",
        "args": ["-a", "-x", "--", "y"],
        "files": [
            {"name": "d/t.txt", "content": "text"},
            {"name": "b.bin", "content": "AA==", "encoding": "base64"},
        ],
        "time_limit_ms": 100,
        "memory_limit_mb": 32,
    }


def test_input_is_passed_on(api: FakeApi, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("né\r\n".encode())))
    streams(api)

    runlet(api, "run", source, "--stdin", "-")

    assert api.body(RUN) == {"stdin": "né\r\n"}


def test_the_program_may_come_from_input(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"puts 1")))
    streams(api)

    runlet(api, "run", "-", "--language", "ruby")

    assert api.body("POST /code-sessions") == {"language": "ruby", "source_code": "puts 1"}


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.JS", "javascript"), ("a.cc", "cpp"), ("Main.java", "java"), ("x.tar.go", "go")],
)
def test_the_ending_tells_the_language(
    api: FakeApi, tmp_path: Path, name: str, language: str
) -> None:
    (tmp_path / name).touch()
    streams(api)

    runlet(api, "run", tmp_path / name)

    assert api.body("POST /code-sessions")["language"] == language


def test_json_is_the_whole_execution_and_the_programs_exit_code(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    whole = execution("FAILED", reason="nonzero_exit", exit_code=3, stdout="x")
    api.on(RUN, accepted())
    api.on(READ, ok(whole))

    assert runlet(api, "run", "--json", source) == 3

    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["execution_id"], document["stdout"], document["exit_code"]) == ("e1", "x", 3)
    assert (document["limits"], said.err) == (LIMITS, "")


@pytest.mark.parametrize(
    "argv",
    [
        ["run"],
        ["run", "a.py", "b.py"],
        ["run", "notes.txt"],
        ["run", "noending"],
        ["run", "a.py", "--file", "x"],
        ["run", "a.py", "--time-limit", "soon"],
        ["run", "-", "--stdin", "-", "--language", "c"],
        ["run", "a.py", "--url", "nowhere"],
        ["status", "e1", "--", "x"],
        ["frobnicate"],
        [],
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(
    api: FakeApi, capsys: Output, argv: list[str]
) -> None:
    assert main(argv, api.transport) == 2

    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith("runlet")
    assert (said.out, api.requests) == ("", [])


def test_a_file_that_is_not_there_is_named(api: FakeApi, tmp_path: Path, capsys: Output) -> None:
    assert runlet(api, "run", tmp_path / "none.py") == 1

    assert capsys.readouterr().err.endswith("none.py: No such file or directory.\n")
    assert api.requests == []


def test_what_the_server_refuses_is_told_in_its_words(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    api.on(RUN, problem(422, "time_limit_ms: Must be at least 100.", errors={}))

    assert runlet(api, "run", source, "--time-limit", "1") == 1

    assert capsys.readouterr().err == "runlet: time_limit_ms: Must be at least 100.\n"
    assert len(api.sent(CLOSE)) == 1


def test_a_run_that_is_lost_from_sight_can_be_found_again(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    api.on(RUN, accepted())
    api.on(STREAM, problem(500, "It broke."))

    assert runlet(api, "run", source) == 1

    assert "runlet status e1\nrunlet: It broke." in capsys.readouterr().err


def test_an_interrupt_cancels_the_run(api: FakeApi, source: Path) -> None:
    api.on(RUN, accepted(), accepted("RUNNING"))
    api.on(STREAM, events(event("stdout", 1, {"text": "a"}), KeyboardInterrupt()))
    api.on(CANCEL, accepted("RUNNING"))

    assert runlet(api, "run", source) == 130

    assert (len(api.sent(CANCEL)), len(api.sent(CLOSE))) == (1, 1)
    keys = [request.headers["Idempotency-Key"] for request in api.sent(RUN)]
    assert len(set(keys)) == 1


def test_an_interrupt_of_a_run_that_is_just_over_is_no_trouble(
    api: FakeApi, source: Path, capsys: Output
) -> None:
    api.on(RUN, accepted(), accepted("COMPLETED"))
    api.on(STREAM, events(KeyboardInterrupt()))
    api.on(CANCEL, problem(409, "It is over."))

    assert runlet(api, "run", source) == 130

    assert capsys.readouterr() == ("", "")


class ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_output_that_nobody_reads_cancels_the_run(
    api: FakeApi, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on(RUN, accepted(), accepted("RUNNING"))
    api.on(STREAM, events(event("stdout", 1, {"text": "a"})))
    api.on(CANCEL, accepted("RUNNING"))
    monkeypatch.setattr(sys, "stdout", ClosedPipe())

    assert runlet(api, "run", source) == 141

    assert len(api.sent(CANCEL)) == 1


def test_a_session_that_cannot_be_closed_does_not_spoil_the_run(source: Path) -> None:
    api = FakeApi()
    api.on("POST /code-sessions", ok(SESSION, 201))
    streams(api, exit_code=0)

    assert runlet(api, "run", source) == 0


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    return screen


def test_a_person_sees_progress_feedback_and_figures(
    api: FakeApi, source: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = on_a_terminal(monkeypatch)
    remark = {"kind": "ValueError", "line": 3, "message": "bad\x1b[2J"}
    running, out = event("status", 1, {"status": "RUNNING"}), event("stdout", 2, {"text": "a\n"})
    streams(api, running, out, stdout="a\n", exit_code=0, execution_time_ms=12, feedback=[remark])

    runlet(api, "run", source)

    shown = screen.getvalue()
    assert "Queued ..." in shown
    assert "\r\x1b[K\x1b[2mRunning ..." in shown
    assert "line 3: ValueError: bad\ufffd[2J" in shown
    assert "COMPLETED, exit code 0, 12 ms" in shown
    assert capsys.readouterr().out == "a\n"


def test_no_color_is_respected(api: FakeApi, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    streams(api, status="TIMEOUT")

    runlet(api, "run", source)

    assert "runlet: The time is over" in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


@pytest.mark.usefixtures("no_pauses")
def test_nothing_answers_where_nothing_is(capsys: Output) -> None:
    api = FakeApi()
    api.on("GET /languages", *[httpx.ConnectError("refused")] * 9)

    assert main(["languages", "--url", "http://there.test"], api.transport) == 1

    assert "Nothing answers at http://there.test" in capsys.readouterr().err

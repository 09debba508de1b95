from concurrent.futures import ThreadPoolExecutor

import pytest

from runlet.languages import LANGUAGES
from support.deployments.api_client import Platform


def test_a_learner_creates_saves_runs_and_reads(platform: Platform) -> None:
    created = platform.call("POST", "/code-sessions", json={"language": "python"})
    session = created.json()
    saved = platform.call(
        "PATCH",
        f"/code-sessions/{session['session_id']}",
        json={"language": "python", "source_code": "print('Hello World')"},
    )
    accepted = platform.call("POST", f"/code-sessions/{session['session_id']}/run")
    execution = platform.call(
        "GET", f"/executions/{accepted.json()['execution_id']}?wait=10"
    ).json()

    assert (created.status_code, session["status"]) == (201, "ACTIVE")
    assert created.headers["Location"].endswith(f"/code-sessions/{session['session_id']}")
    assert saved.status_code == 200
    assert saved.json()["revision"] == session["revision"] + 1
    assert (accepted.status_code, accepted.json()["status"]) == (202, "QUEUED")
    assert execution["status"] == "COMPLETED"
    assert (execution["stdout"], execution["stderr"]) == ("Hello World\n", "")
    assert execution["execution_time_ms"] > 0
    assert execution["exit_code"] == 0
    assert execution["attempts"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_of_every_language_runs(gateway: Platform, language: str) -> None:
    execution = gateway.result(gateway.start(gateway.open_session(language=language)))

    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "Hello World\n")


def test_time_out_of_an_endless_loop_keeps_what_it_printed(gateway: Platform) -> None:
    execution = gateway.run("print('begun')\nwhile True: pass", time_limit_ms=500)

    assert (execution["status"], execution["reason"]) == ("TIMEOUT", "time_limit")
    assert execution["stdout"] == "begun\n"


def test_an_exit_code_makes_it_failed(gateway: Platform) -> None:
    execution = gateway.run("import sys\nsys.exit(3)")

    assert (execution["status"], execution["reason"]) == ("FAILED", "nonzero_exit")
    assert execution["exit_code"] == 3


def test_a_run_after_a_hostile_one_in_the_same_session_is_not_disturbed(gateway: Platform) -> None:
    session_id = gateway.open_session("import os\nwhile True: os.fork()")
    gateway.result(gateway.start(session_id, time_limit_ms=500))

    execution = gateway.result(gateway.start(session_id, source_code="print(1)"))

    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "1\n")


def test_what_runs_is_the_code_at_the_moment_of_the_call(gateway: Platform) -> None:
    session_id = gateway.open_session("import time; time.sleep(0.5); print('old')")
    execution_id = gateway.start(session_id)
    gateway.call("PATCH", f"/code-sessions/{session_id}", json={"source_code": "print('new')"})

    assert gateway.result(execution_id)["stdout"] == "old\n"


def test_input_arguments_and_files_reach_the_program(gateway: Platform) -> None:
    execution = gateway.run(
        "import sys\nprint(sys.stdin.read(), sys.argv[1:], open('d/f.txt').read())",
        stdin="in",
        args=["a b"],
        files=[{"name": "d/f.txt", "content": "aGk=", "encoding": "base64"}],
    )

    assert execution["stdout"] == "in ['a b'] hi\n"


def test_many_learners_at_once_each_get_their_own_answer(gateway: Platform) -> None:
    def learner(number: int) -> str:
        output: str = gateway.run(f"print({number})")["stdout"]
        return output

    with ThreadPoolExecutor(10) as learners:
        answers = list(learners.map(learner, range(30)))

    assert answers == [f"{number}\n" for number in range(30)]


def test_the_events_and_the_list_tell_the_same_story(gateway: Platform) -> None:
    session_id = gateway.open_session("print(1)")
    execution_id = gateway.start(session_id)
    gateway.result(execution_id)

    events = gateway.call("GET", f"/executions/{execution_id}/events").json()["events"]
    listed = gateway.call("GET", f"/code-sessions/{session_id}/executions").json()["executions"]

    assert [event["type"] for event in events] == ["queued", "started", "finished"]
    assert [(entry["execution_id"], entry["status"]) for entry in listed] == [
        (execution_id, "COMPLETED")
    ]


def test_a_closed_session_is_neither_saved_nor_run(gateway: Platform) -> None:
    session_id = gateway.open_session("print(1)")
    closed = gateway.call("PATCH", f"/code-sessions/{session_id}/close")

    saved = gateway.call("PATCH", f"/code-sessions/{session_id}", json={"source_code": "x"})
    run = gateway.call("POST", f"/code-sessions/{session_id}/run")
    kept = gateway.call("GET", f"/code-sessions/{session_id}").json()

    assert closed.json() == {"session_id": session_id, "status": "INACTIVE"}
    assert (saved.status_code, run.status_code) == (409, 409)
    assert kept["source_code"] == "print(1)"

"""Simultaneous calls at two replicas of each API: what is promised once is kept once.

The deployment allows a session, and a user, ten runs a minute.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest
import requests

from support.deployments.deployments import Deployment
from support.deployments.token_deployment import GuardedPlatform

ALLOWED = 10
CALLS = 40

Call = Callable[[GuardedPlatform], requests.Response]


@pytest.fixture
def runs(guarded: Deployment) -> list[GuardedPlatform]:
    """The replicas of the execution API."""
    return [GuardedPlatform(each.base_url) for each in guarded.replicas("execution-api")]


@pytest.fixture
def editors(guarded: Deployment) -> list[GuardedPlatform]:
    """The replicas of the session API."""
    return [GuardedPlatform(each.base_url) for each in guarded.replicas("session-api")]


def at_once(replicas: Sequence[GuardedPlatform], calls: Sequence[Call]) -> list[requests.Response]:
    """The answers to calls that all begin together, spread over the replicas in turn."""
    barrier = threading.Barrier(len(calls))

    def make(number: int) -> requests.Response:
        barrier.wait()
        return calls[number](replicas[number % len(replicas)])

    with ThreadPoolExecutor(len(calls)) as callers:
        return list(callers.map(make, range(len(calls))))


def statuses(answers: Sequence[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def running(session_id: str, key: str | None = None) -> Call:
    headers = {} if key is None else {"Idempotency-Key": key}
    return lambda replica: replica.call("POST", f"/code-sessions/{session_id}/run", headers=headers)


def saving(session_id: str, source: str, revision: int | None = None) -> Call:
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    body = {"source_code": source}
    path = f"/code-sessions/{session_id}"
    return lambda replica: replica.call("PATCH", path, json=body, headers=headers)


def session_of(user_id: str, editor: GuardedPlatform) -> str:
    body = {"language": "python", "source_code": "print(1)", "user_id": user_id}
    session_id: str = editor.call("POST", "/code-sessions", json=body).json()["session_id"]
    return session_id


def test_of_many_runs_of_a_session_exactly_one_is_accepted_and_the_others_name_it(
    runs: list[GuardedPlatform], editors: list[GuardedPlatform]
) -> None:
    session_id = editors[0].open_session("import time\ntime.sleep(30)")

    answers = at_once(runs, [running(session_id)] * CALLS)

    [accepted] = [answer.json() for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(refused) == CALLS - 1
    assert {each["execution_id"] for each in refused} == {accepted["execution_id"]}
    assert {each["status"] for each in refused} <= {"QUEUED", "RUNNING"}
    assert runs[1].call("POST", f"/executions/{accepted['execution_id']}/cancel").ok


def test_the_same_key_at_both_replicas_is_one_execution(
    runs: list[GuardedPlatform], editors: list[GuardedPlatform]
) -> None:
    session_id = editors[0].open_session("print(1)")

    answers = at_once(runs, [running(session_id, "the-same")] * CALLS)

    assert statuses(answers) == {202: CALLS}
    [execution_id] = {answer.json()["execution_id"] for answer in answers}
    listed = runs[1].call("GET", f"/code-sessions/{session_id}/executions").json()["executions"]
    assert [entry["execution_id"] for entry in listed] == [execution_id]
    assert runs[0].result(execution_id)["stdout"] == "1\n"


def test_all_who_wait_at_either_replica_are_told_the_same_end(
    runs: list[GuardedPlatform], editors: list[GuardedPlatform]
) -> None:
    execution_id = runs[0].start(editors[0].open_session("import time\ntime.sleep(1)\nprint(1)"))
    path = f"/executions/{execution_id}"

    answers = at_once(runs, [lambda replica: replica.call("GET", f"{path}?wait=30")] * 20)

    ends = [answer.json() for answer in answers]
    assert ends[0]["status"] == "COMPLETED"
    assert ends == [ends[0]] * 20
    assert [replica.call("GET", path).json() for replica in runs] == [ends[0]] * 2


def test_of_forty_calls_that_no_active_run_stops_ten_are_accepted_in_a_minute(
    runs: list[GuardedPlatform], editors: list[GuardedPlatform]
) -> None:
    session_id = editors[0].open_session("pass")

    def insist(replica: GuardedPlatform) -> requests.Response:
        # A run of this session that is still active is in everybody's way.
        while (answer := running(session_id)(replica)).status_code == 409:
            replica.result(answer.json()["execution_id"])
        return answer

    answers = at_once(runs, [insist] * CALLS)

    assert statuses(answers) == {202: ALLOWED, 429: CALLS - ALLOWED}


def test_a_user_has_ten_runs_a_minute_in_all_sessions_together(
    runs: list[GuardedPlatform], editors: list[GuardedPlatform]
) -> None:
    user = f"user-{uuid4()}"
    sessions = [session_of(user, editors[number % 2]) for number in range(CALLS)]

    answers = at_once(runs, [running(session_id) for session_id in sessions])

    assert statuses(answers) == {202: ALLOWED, 429: CALLS - ALLOWED}
    for answer in answers:
        if answer.status_code == 202:
            assert runs[0].result(answer.json()["execution_id"])["status"] == "COMPLETED"
        else:
            assert answer.headers["Retry-After"] == str(answer.json()["retryAfter"])


def test_exactly_one_save_wins_each_revision(editors: list[GuardedPlatform]) -> None:
    session_id = editors[0].open_session("0")
    for revision in range(1, 11):
        saves = [saving(session_id, f"{revision}-{n}", revision) for n in range(8)]
        answers = at_once(editors, saves)

        assert statuses(answers) == {200: 1, 412: 7}
        [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 200]
        known = {answer.json()["revision"] for answer in answers}
        kept = editors[revision % 2].call("GET", f"/code-sessions/{session_id}").json()
        assert known == {revision + 1} == {kept["revision"]}
        assert kept["source_code"] == f"{revision}-{winner}"


def test_no_update_is_lost_to_writers_who_read_again(editors: list[GuardedPlatform]) -> None:
    session_id = editors[0].open_session("")
    path = f"/code-sessions/{session_id}"
    numbers = count()

    def append(replica: GuardedPlatform) -> requests.Response:
        line = f"{next(numbers)}\n"
        while True:
            seen = replica.call("GET", path).json()
            new = saving(session_id, seen["source_code"] + line, seen["revision"])(replica)
            if new.status_code != 412:
                return new

    answers = at_once(editors, [append] * 16)

    kept = editors[1].call("GET", path).json()
    assert statuses(answers) == {200: 16}
    assert kept["revision"] == 17
    assert sorted(map(int, kept["source_code"].split())) == list(range(16))


def test_without_a_revision_every_save_counts_and_the_last_one_stays(
    editors: list[GuardedPlatform],
) -> None:
    session_id = editors[0].open_session("0")

    answers = at_once(editors, [saving(session_id, str(n)) for n in range(CALLS)])

    revisions = [answer.json()["revision"] for answer in answers]
    assert statuses(answers) == {200: CALLS}
    assert sorted(revisions) == list(range(2, CALLS + 2))
    kept = editors[1].call("GET", f"/code-sessions/{session_id}").json()
    assert kept["source_code"] == str(revisions.index(CALLS + 1))
    assert kept["revision"] == CALLS + 1


def test_a_save_that_was_confirmed_while_the_session_was_closed_is_kept(
    editors: list[GuardedPlatform],
) -> None:
    session_id = editors[0].open_session("0")
    path = f"/code-sessions/{session_id}"
    saves = [saving(session_id, str(n)) for n in range(20)]

    def close(replica: GuardedPlatform) -> requests.Response:
        return replica.call("PATCH", f"{path}/close")

    answers = at_once(editors, [*saves, close, close])

    confirmed = {
        answer.json()["revision"]: str(n)
        for n, answer in enumerate(answers[:20])
        if answer.status_code == 200
    }
    kept = editors[0].call("GET", path).json()
    assert set(statuses(answers)) <= {200, 409}
    assert kept["status"] == "INACTIVE"
    assert kept["revision"] == len(confirmed) + 1
    assert kept["source_code"] == {1: "0", **confirmed}[kept["revision"]]

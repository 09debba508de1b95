"""What stops a session whose programs use up their limits, as a caller sees it."""

from support.deployments.api_client import Platform

MAX_CONSECUTIVE_FAILURES = 5
ENDLESS = "while True: pass"
BRIEFLY = {"time_limit_ms": 100}


def test_after_five_time_outs_in_a_row_the_session_has_to_wait(platform: Platform) -> None:
    session_id = platform.open_session(ENDLESS)
    for _ in range(MAX_CONSECUTIVE_FAILURES):
        assert platform.result(platform.start(session_id, **BRIEFLY))["status"] == "TIMEOUT"

    refused = platform.call("POST", f"/code-sessions/{session_id}/run", json=BRIEFLY)

    problem = refused.json()
    assert refused.status_code == problem["status"] == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < problem["retryAfter"] <= 60
    assert refused.headers["Retry-After"] == str(problem["retryAfter"])
    assert problem["error"] == problem["detail"]
    assert platform.call("GET", f"/code-sessions/{session_id}/executions").status_code == 200


def test_another_session_does_not_wait(platform: Platform) -> None:
    session_id = platform.open_session(ENDLESS)
    for _ in range(MAX_CONSECUTIVE_FAILURES):
        platform.result(platform.start(session_id, **BRIEFLY))
    assert platform.run("print(1)")["status"] == "COMPLETED"

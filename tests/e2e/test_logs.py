"""What nobody may find in any part's log, at the default level."""

from uuid import uuid4

from support.deployments.deployments import Deployment, StackUnderTest
from support.deployments.token_deployment import TOKEN, GuardedPlatform


def secret() -> str:
    return uuid4().hex


def test_neither_programs_nor_their_input_and_output_nor_tokens_are_logged(
    guarded: Deployment, stack: StackUnderTest
) -> None:
    source, given, file, printed = secret(), secret(), secret(), secret()
    program = f"# {source}\nimport sys\nprint('{printed}'[::-1])\nsys.exit(open('f').read())"
    platform = GuardedPlatform(guarded.gateway_url)
    session_id = platform.open_session(program)
    run = {"stdin": given, "args": [given], "files": [{"name": "f", "content": file}]}
    execution = platform.result(platform.start(session_id, **run))
    platform.call("PATCH", f"/code-sessions/{session_id}", json={"source_code": source + "\0"})
    platform.call("POST", f"/code-sessions/{session_id}/run", json={"stdin": given + "\0"})
    wrong = {"Authorization": f"Bearer {source}"}
    assert platform.call("GET", "/languages", headers=wrong).status_code == 401

    logs = stack.logs()

    assert (execution["stdout"], execution["stderr"]) == (f"{printed[::-1]}\n", f"{file}\n")
    assert execution["execution_id"] in logs
    for hidden in (source, given, file, printed[::-1], TOKEN, "a-token-between-services"):
        assert hidden not in logs

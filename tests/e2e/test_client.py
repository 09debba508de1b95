"""The Python client and its command line against a running stack, through the gateway."""

import asyncio
import json
from pathlib import Path

import pytest

from runlet_client import AsyncRunlet, ConflictError, Runlet, StaleRevisionError, Status
from runlet_client.cli.main import main
from support.deployments.api_client import required

Output = pytest.CaptureFixture[str]


@pytest.fixture(params=["", "/api/v1"], ids=["bare", "prefixed"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    address = required("RUNLET_TEST_GATEWAY_URL") + str(request.param)
    monkeypatch.setenv("RUNLET_URL", address)
    return address


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "main.py"


@pytest.mark.usefixtures("url")
def test_hello_goes_to_standard_output(source: Path, capsys: Output) -> None:
    source.write_text("print('hello')", encoding="utf-8")

    assert main(["run", str(source)]) == 0

    assert capsys.readouterr() == ("hello\n", "")


@pytest.mark.usefixtures("url")
def test_the_exit_code_is_the_programs(source: Path, capsys: Output) -> None:
    source.write_text("import sys\nprint('oh', file=sys.stderr)\nsys.exit(3)", encoding="utf-8")

    assert main(["run", str(source)]) == 3

    assert capsys.readouterr() == ("", "oh\n")


@pytest.mark.usefixtures("url")
def test_input_arguments_and_files_reach_the_program(
    source: Path, tmp_path: Path, capsys: Output
) -> None:
    source.write_text(
        "import sys\nprint(sys.stdin.read(), sys.argv[1:], open('d/f').read())", encoding="utf-8"
    )
    (tmp_path / "f").write_text("file", encoding="utf-8")
    options = ["--stdin", "in", "--arg", "a b", "--file", f"d/f={tmp_path / 'f'}"]

    assert main(["run", str(source), *options, "--", "-x"]) == 0

    assert capsys.readouterr().out == "in ['a b', '-x'] file\n"


@pytest.mark.usefixtures("url")
def test_an_endless_program_is_124_and_its_output_is_kept(source: Path, capsys: Output) -> None:
    source.write_text("print('begun')\nwhile True: pass", encoding="utf-8")

    assert main(["run", str(source), "--time-limit", "500"]) == 124

    said = capsys.readouterr()
    assert said.out == "begun\n"
    assert "500 ms" in said.err


@pytest.mark.usefixtures("url")
def test_what_does_not_compile_is_told(tmp_path: Path, capsys: Output) -> None:
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return x; }", encoding="utf-8")

    assert main(["run", str(source)]) == 1

    assert "main.c:1" in capsys.readouterr().err


@pytest.mark.usefixtures("url")
def test_json_is_the_execution(source: Path, capsys: Output) -> None:
    source.write_text("print(42)", encoding="utf-8")

    assert main(["run", "--json", str(source)]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["stdout"]) == ("COMPLETED", "42\n")


def test_the_library_goes_all_the_way(url: str) -> None:
    with Runlet(url) as runlet:
        session = runlet.create_session("python", source_code="print('old')", user_id="e2e-client")
        saved = runlet.save_session(session.session_id, source_code="print('new')", revision=1)
        with pytest.raises(StaleRevisionError):
            runlet.save_session(session.session_id, source_code="print('stale')", revision=1)
        execution = runlet.wait(runlet.run(session.session_id).execution_id, timeout=120)
        listed = [entry.execution_id for entry in runlet.executions(session.session_id, limit=1)]
        events = [event.type for event in runlet.events(execution.execution_id)]
        with pytest.raises(ConflictError):
            runlet.cancel(execution.execution_id)
        runlet.close_session(session.session_id)
        closed = runlet.get_session(session.session_id)

    assert (saved.revision, execution.stdout) == (2, "new\n")
    assert listed == [execution.execution_id]
    assert (events[0], events[-1]) == ("queued", "finished")
    assert (closed.status, closed.user_id) == ("INACTIVE", "e2e-client")


def test_the_library_for_asyncio_runs_programs_side_by_side(url: str) -> None:
    async def output(runlet: AsyncRunlet, number: int) -> str:
        session = await runlet.create_session("python", source_code=f"print({number})")
        started = await runlet.run(session.session_id)
        execution = await runlet.wait(started.execution_id, timeout=120)
        assert execution.status is Status.COMPLETED
        return execution.stdout

    async def outputs() -> list[str]:
        async with AsyncRunlet(url) as runlet:
            return await asyncio.gather(*(output(runlet, number) for number in range(5)))

    assert asyncio.run(outputs()) == [f"{number}\n" for number in range(5)]

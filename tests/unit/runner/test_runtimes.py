from pathlib import Path

import pytest

from runner import runtimes

ROOT = Path(__file__).parents[3]


def test_an_engine_that_does_not_answer_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("RUNTIMES_DIR", str(ROOT / "deploy/runtimes"))
    monkeypatch.setenv("AGENT_DIR", str(ROOT / "services/runner/agent"))

    assert runtimes.main() == 1
    printed = "".join(capsys.readouterr())
    assert "runtime_build_failed" in printed
    assert "Traceback" not in printed

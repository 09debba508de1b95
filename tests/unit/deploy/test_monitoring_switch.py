"""When `make up` brings Prometheus and Grafana."""

import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"
REMEMBERED = "COMPOSE_PROFILES=monitoring\n"


def run(folder: Path, mode: str, monitoring: str, script: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in `folder`, with the functions of `make up`."""
    (folder / "deploy").symlink_to(DEPLOY)
    sources = "source deploy/bootstrap/lib/need.sh; need monitoring"
    whole = f"set -euo pipefail\n{sources}\nMODE={mode}\nchoose_monitoring >/dev/null\n{script}"
    environment = {"PATH": "/usr/bin:/bin", "MONITORING": monitoring}
    return subprocess.run(
        ["bash", "-c", whole], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("mode", "monitoring", "dotenv", "profile"),
    [
        ("online", "1", "", "monitoring"),
        ("offline", "1", "", "prometheus"),
        ("online", "", "", ""),
        ("online", "", REMEMBERED, "monitoring"),
        ("offline", "", REMEMBERED, "prometheus"),
        ("online", "0", REMEMBERED, ""),
        ("online", "", "MONITORING=1\n", "monitoring"),
        ("online", "0", "MONITORING=1\n", ""),
    ],
)
def test_it_comes_when_it_is_asked_for_and_stays_until_it_is_not(
    tmp_path: Path, mode: str, monitoring: str, dotenv: str, profile: str
) -> None:
    (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
    done = run(tmp_path, mode, monitoring, 'printf %s "$MONITORING_PROFILE"')
    assert (done.returncode, done.stdout) == (0, profile), done.stderr


def test_what_is_neither_yes_nor_no_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "online", "yes", "")
    assert done.returncode == 1
    assert 'MONITORING is "yes". It is 1' in done.stderr

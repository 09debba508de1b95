import platform
import re
import tomllib
from pathlib import Path

from runlet_telemetry import build_info
from support.telemetry.metrics import value

ROOT = Path(__file__).parents[3]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == build_info.VERSION


def test_kubernetes_runs_images_of_this_version() -> None:
    manifests = [file.read_text() for file in (ROOT / "deploy/kubernetes").rglob("*.yaml")]
    images = re.findall(r"image: runlet/[a-z-]+:(\S+)", "".join(manifests))

    assert set(images) == {build_info.VERSION}


def test_the_digest_follows_the_code_and_not_where_it_lies(tmp_path: Path) -> None:
    for name in ("here", "there", "changed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("ANSWER = 42\n")
    (tmp_path / "changed" / "module.py").write_text("ANSWER = 43\n")

    here, there, changed = (
        build_info.digest_of(tmp_path / name) for name in ("here", "there", "changed")
    )

    assert here == there
    assert here != changed


def test_what_runs_is_told_by_a_metric(tmp_path: Path) -> None:
    build_info.announce("test-service", tmp_path)

    digest = build_info.digest_of(*build_info.shared_packages(), tmp_path)
    labels = {"service": "test-service", "version": build_info.VERSION, "build": digest}
    python = platform.python_version()
    assert value("runlet_build_info", **labels, python=python) == 1

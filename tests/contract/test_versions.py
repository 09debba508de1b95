"""The client and the changelog say the version that the services tell."""

import re
import tomllib

from runlet_telemetry.build_info import VERSION
from support.documents.markdown import ROOT


def test_the_client_has_the_services_version() -> None:
    project = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def test_the_changelog_begins_with_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == VERSION

"""README's walk is done as it stands there, line by line, in one shell."""

import json
import re
import subprocess
from typing import Any

import pytest

from support.deployments.api_client import Platform
from support.documents.markdown import ROOT, Document
from support.http.client_process import END_SECONDS, environment

README = Document("README.md", (ROOT / "README.md").read_text(encoding="utf-8"))


def walk() -> str:
    """The block that makes the calls."""
    (block,) = (each for each in README.blocks("sh") if "/code-sessions" in each)
    return block


def decoded(text: str, count: int) -> tuple[list[dict[str, Any]], str]:
    """The first `count` objects of JSON, and what follows them."""
    found = []
    for _ in range(count):
        value, end = json.JSONDecoder().raw_decode(text.lstrip())
        found.append(value)
        text = text.lstrip()[end:]
    return found, text


@pytest.fixture(scope="module")
def shown() -> str:
    """The answer that README shows below the call for the result."""
    (line,) = (each for each in walk().splitlines() if each.startswith('# {"status"'))
    return line.removeprefix("# ").replace(", …", "")


def test_the_walk_ends_with_the_result_that_is_shown(gateway: Platform, shown: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", walk()],
        env=environment(gateway.base_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (saved, result, events), stream = decoded(done.stdout, 3)
    assert saved["revision"] == 2
    assert json.loads(shown).items() <= result.items()
    assert events["execution_id"] == result["execution_id"]
    assert re.findall("^event: (.*)$", stream, re.MULTILINE)[-1] == "status"

"""docs/api.md has every call, status and reason of the APIs, and no other."""

import json
import re

import pytest

from execution_api import bootstrap as execution_bootstrap
from execution_api.config import ApiConfig
from runlet.execution import Reason, Status
from session_api import bootstrap as session_bootstrap
from session_api.config import Config
from support.documents.markdown import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
# The documents need no server: nothing connects before it is asked.
NOWHERE = "127.0.0.1:1"
DATABASE = f"postgresql+psycopg2://nobody:none@{NOWHERE}/none"
METHODS = ("get", "post", "put", "patch", "delete")


def documented() -> set[str]:
    """Every call of both APIs, as `GET /executions/{}`."""
    execution = ApiConfig(
        database_url=DATABASE, amqp_url=f"amqp://{NOWHERE}/", session_api_url=f"http://{NOWHERE}"
    )
    apps = (
        session_bootstrap.create_api(Config(database_url=DATABASE)).app,
        execution_bootstrap.create_api(execution).app,
    )
    texts = [app.test_client().get("/openapi.json").text for app in apps]
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for text in texts
        for path, operations in json.loads(text)["paths"].items()
        for method in METHODS
        if method in operations
    }


def test_the_page_has_every_call() -> None:
    calls = re.findall(r"`([A-Z]+ /[^`?]*)[^`]*`", PAGE.split("## When the platform failed")[0])
    assert {re.sub(r"{[^}]*}", "{}", call) for call in calls} == documented()


@pytest.mark.parametrize("word", [*Status, *Reason])
def test_the_page_explains_every_status_and_reason(word: str) -> None:
    assert re.search(rf"^\|.*`{word}`.*\|$", PAGE, re.MULTILINE)

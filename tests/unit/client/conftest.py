import time

import pytest

from runlet_client import flows
from support.http.client_api import Caller, FakeApi, blocking, non_blocking


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNLET_URL", "RUNLET_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture(params=[blocking, non_blocking])
def caller(request: pytest.FixtureRequest, api: FakeApi) -> Caller:
    return Caller(api, request.param)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(flows, "LEAST_ROUND_SECONDS", 0.0)

"""Gunicorn's private parts are replaced where they are known, and left alone elsewhere."""

import gunicorn  # type: ignore[import-untyped]
import pytest
from gunicorn import util
from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from runlet_http.serving import gunicorn_parts, server_errors
from runlet_http.serving.worker import Response, Worker


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi, "Response", wsgi.Response)
    monkeypatch.setattr(util, "write_error", util.write_error)


def test_the_installed_version_is_one_that_the_worker_was_tested_with() -> None:
    assert gunicorn.__version__ in gunicorn_parts.TESTED_VERSIONS, (
        f"gunicorn {gunicorn.__version__} is served with gunicorn's own worker, which is slower. "
        "Add the version to TESTED_VERSIONS and run tests/integration/execution_api/test_serving.py"
    )
    assert gunicorn_parts.install() == gunicorn_parts.OWN_WORKER
    assert wsgi.Response is Response
    assert util.write_error is server_errors.write


def test_a_version_that_nobody_tested_is_served_by_gunicorns_own_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stock = wsgi.Response
    monkeypatch.setattr(gunicorn, "__version__", "99.0.0")
    assert gunicorn_parts.install() == "gthread"
    assert wsgi.Response is stock


def test_errors_stay_gunicorns_where_they_are_written_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(util, "write_error")
    assert gunicorn_parts.install() == gunicorn_parts.OWN_WORKER
    assert not hasattr(util, "write_error")


@pytest.mark.parametrize("name", ["set_accept_enabled", "handle", "accept", "finish_request"])
def test_what_the_worker_builds_on_is_there(name: str) -> None:
    assert callable(getattr(gthread.ThreadWorker, name))
    assert issubclass(Worker, gthread.ThreadWorker)

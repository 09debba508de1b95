"""A runner whose engine is on another machine: DOCKER_HOST over mutual TLS."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

import docker
import pytest
import requests
from docker.tls import TLSConfig

from runlet.execution import Reason
from runlet.languages import LANGUAGES
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import SourceFile, StreamName
from support.certificates import Authority
from support.http.tls_front import engine_folder, tls_front
from support.sandboxes.observers import discard_output
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed, open_test_bed
from support.wait_until import eventually

LONG = dataclasses.replace(DEFAULT_LIMITS, time_limit_ms=60_000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def port(authority: Authority) -> Iterator[int]:
    engine = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock").path
    with tls_front(engine, authority, authority.issue("engine", "IP:127.0.0.1")) as port:
        yield port


@pytest.fixture(scope="module")
def bed(
    port: int, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestBed]:
    folder = tmp_path_factory.mktemp("client") / "certificates"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        environment.setenv("DOCKER_TLS_VERIFY", "1")
        # Above the engine's own authority, the HTTP library would trust the one named here.
        environment.delenv("REQUESTS_CA_BUNDLE", raising=False)
        environment.delenv("CURL_CA_BUNDLE", raising=False)
        environment.setenv(
            "DOCKER_CERT_PATH", str(engine_folder(folder, authority, authority.issue("runner")))
        )
        with open_test_bed(runs_per_container=100) as bed:
            yield bed


def test_programs_run_one_after_the_other(bed: TestBed) -> None:
    first = bed.run("print(input())", stdin="hello")
    second = bed.run("print(6 * 7)")

    assert (first.result.stdout, second.result.stdout) == ("hello\n", "42\n")


def test_large_input_and_large_output_arrive_whole(bed: TestBed) -> None:
    data = SourceFile("data.txt", b"0123456789abcdef" * 12_000)

    outcome = bed.run("print(open('data.txt').read() * 5, end='')", files=(data,))

    assert outcome.result.stdout == (b"0123456789abcdef" * 60_000).decode()


def test_a_run_is_stopped_from_another_thread(bed: TestBed) -> None:
    token = CancellationToken()

    def on_output(stream: StreamName, offset: int, text: str) -> "Future[None]":
        threading.Thread(target=token.cancel).start()
        return discard_output(stream, offset, text)

    source = "import time\nprint('so far', flush=True)\ntime.sleep(60)"
    outcome = bed.run(source, limits=LONG, token=token, on_output=on_output)

    assert (outcome.reason, outcome.result.stdout) == (Reason.CANCELLED, "so far\n")


def test_no_container_outlives_its_connection(bed: TestBed) -> None:
    container = bed.engine.start_container(LANGUAGES["python"])

    container.close()

    api: Any = bed.pool.client.api
    eventually(lambda: not api.containers(all=True, filters={"name": container.name}))


def test_who_shows_no_certificate_gets_nothing(port: int, authority: Authority) -> None:
    trusting = TLSConfig(ca_cert=str(authority.cert), verify=True)
    stranger = docker.DockerClient(base_url=f"tcp://127.0.0.1:{port}", tls=trusting, version="1.41")
    with contextlib.closing(stranger), pytest.raises(requests.ConnectionError):
        stranger.ping()

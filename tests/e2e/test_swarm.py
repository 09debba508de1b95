"""The stack of deploy/swarm, really deployed: on an engine apart, which runners reach over TLS."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
import yaml

from support.certificates import Authority
from support.deployments.api_client import Platform, required
from support.http.tls_front import engine_folder
from support.sandboxes.isolated_engine import ADDRESS, TLS_PORT, IsolatedEngine
from support.wait_until import eventually

ROOT = Path(__file__).parents[2]
RUNTIME = "runlet/runtime-python"
GATEWAY = Platform(f"http://{ADDRESS}:8080")
START_SECONDS = 450
OF_THE_STACK = {
    "GATEWAY_IMAGE": "gateway",
    "POSTGRES_IMAGE": "postgres",
    "RABBITMQ_IMAGE": "rabbitmq",
}
SERVICES = ["session-api", "execution-api", "runner", "result-collector"]

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="A second engine can only be started by root."),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedEngine]:
    """A swarm of one node, with Runlet deployed by deploy/swarm/deploy.sh."""
    # What ends `make test` early must not leave an engine behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = tmp_path_factory.mktemp("swarm")
    authority = Authority(folder)
    certificates = engine_folder(
        folder / "engine", authority, authority.issue("node", f"IP:{ADDRESS}")
    )
    client = engine_folder(folder / "runner", authority, authority.issue("runner"))
    images = {name: stack_images()[service] for name, service in OF_THE_STACK.items()}
    with ExitStack() as made:
        engine = IsolatedEngine(project(), certificates)
        made.callback(engine.close)
        made.callback(engine.save_log, ROOT / ".runlet" / "swarm-engine.log")
        engine.wait_until_up()
        engine.load([*images.values(), RUNTIME, *(stack_images()[name] for name in SERVICES)])
        begin_swarm(engine)
        # Which removes its containers at once, where an engine that stops would wait for them.
        made.callback(engine.docker, "swarm", "leave", "--force")
        deploy(engine, client, images)
        made.callback(save_state, engine)
        eventually(lambda: runs_code(engine), START_SECONDS)
        yield engine


def compose_command() -> list[str]:
    return shlex.split(required("RUNLET_TEST_COMPOSE"))


def project() -> str:
    """Named after the test's stack, by which deploy/bootstrap/test.sh finds what is left of it."""
    command = compose_command()
    return command[command.index("-p") + 1].replace("-test-", "-swarm-")


def stack_images() -> dict[str, str]:
    """The images of the stack under test: the official ones, or those that were made offline."""
    shown = subprocess.run(
        [*compose_command(), "config"], capture_output=True, text=True, check=True, timeout=180
    )
    services = yaml.safe_load(shown.stdout)["services"]
    return {name: service["image"] for name, service in services.items()}


def base_image() -> str:
    """What the language images were built on: with another one the runner would build anew."""
    offline = stack_images()["gateway"].startswith("runlet/")
    return "runlet/base:bookworm" if offline else "debian:bookworm-slim"


def begin_swarm(engine: IsolatedEngine) -> None:
    engine.docker(
        *("swarm", "init", "--advertise-addr", ADDRESS, "--default-addr-pool", "10.201.0.0/16")
    )
    labels = [f"--label-add=runlet.{role}=true" for role in ("runner", "gateway", "data")]
    engine.docker("node", "update", *labels, engine.docker("node", "ls", "-q").strip())


def deploy(engine: IsolatedEngine, certificates: Path, images: dict[str, str]) -> None:
    settings = {
        **images,
        "DOCKER_HOST": engine.host,
        "ENGINE_HOST": f"tcp://{ADDRESS}:{TLS_PORT}",
        "ENGINE_CERTIFICATES": str(certificates),
        "RESOLVE_IMAGE": "never",
        "BASE_IMAGE": base_image(),
        "LANGUAGES": "python",
        "GATEWAY_PORT": "8080",
        "WEB_WORKERS": "1",
        "API_REPLICAS": "1",
        "RUNNER_REPLICAS": "1",
        "COLLECTOR_REPLICAS": "1",
    }
    done = subprocess.run(
        [ROOT / "deploy/swarm/deploy.sh"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=360,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def runs_code(engine: IsolatedEngine) -> bool:
    with suppress(AssertionError, requests.RequestException):
        execution = engine.inside(lambda: GATEWAY.run("print(6 * 7)"))
        return bool(execution["status"] == "COMPLETED")
    return False


def save_state(engine: IsolatedEngine) -> None:
    """Keep what the swarm says of its tasks, for whoever looks into a failure."""
    text = engine.docker("stack", "ps", "--no-trunc", "runlet")
    (ROOT / ".runlet" / "swarm-tasks.log").write_text(text, encoding="utf-8")


def test_a_program_runs_through_the_published_port(engine: IsolatedEngine) -> None:
    execution = engine.inside(lambda: GATEWAY.run("print(input())", stdin="hello"))

    assert (execution["status"], execution["stdout"]) == ("COMPLETED", "hello\n")

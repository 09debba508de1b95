"""Two hosts: a stack with its engine, and elsewhere a runner with an engine of its own."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.chaos.engine import SecondEngine
from support.chaos.faults import drop
from support.chaos.projects import make_settings, make_stack, project, runs_code
from support.chaos.stack import ChaosStack
from support.deployments.runner_replicas import consumers
from support.deployments.server_containers import ROOT
from support.wait_until import eventually

OVERLAYS = (ROOT / "deploy/tls/compose.tls.yml", ROOT / "tests/chaos/compose.hosts.yml")
DISTANT = "distant-host"
START_SECONDS = 300
STOP_SECONDS = 40


class Hosts:
    """The first host's stack, and the runner of the second, which knows the broker's address."""

    def __init__(self, stack: ChaosStack, broker: str, runner_log: Path) -> None:
        self.stack = stack
        self._broker = broker
        self._runner_log = runner_log

    def published_late(self) -> set[str]:
        """The executions whose end the distant runner has got rid of, by its own account."""
        lines = self._runner_log.read_text(encoding="utf-8").splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return {each["execution_id"] for each in said if each["event"] == "execution_finished"}

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Nothing passes between the hosts, and nobody is told; open connections stay open."""
        (pid,) = self.stack.main_pids(DISTANT)
        drop("-I", [pid], [self._broker])
        try:
            yield
        finally:
            drop("-D", [pid], [self._broker])


@contextmanager
def started_hosts(folder: Path, logs: Path) -> Iterator[Hosts]:
    """Both hosts at work; what they said is in `logs` afterwards."""
    subnet = f"10.{random.randrange(210, 250)}.{random.randrange(256)}"
    broker = f"{subnet}.10"
    _make_certificates(folder, broker)
    settings = {
        **make_settings(),
        "RUNNER_CONCURRENCY": "2",
        "LOG_LEVEL": "DEBUG",
        "RABBITMQ_TLS_DIR": str(folder),
        "RABBITMQ_TLS_PORT": "0",
        "BROKER_ADDRESS": broker,
        "HOSTS_SUBNET": f"{subnet}.0/24",
    }
    with ExitStack() as made:
        stack = make_stack(project("hosts"), settings, OVERLAYS, folder)
        made.callback(stack.down)
        made.callback(stack.save_logs, logs / "chaos-hosts.log")
        stack.up()
        engine = _start_engine(stack, made)
        made.callback(engine.save_log, logs / "chaos-hosts-engine.log")
        runner_log = logs / "chaos-distant-runner.log"
        made.enter_context(_distant_runner(stack, engine, broker, folder, runner_log))
        eventually(lambda: runs_code(stack), START_SECONDS)
        eventually(lambda: consumers(stack.amqp_url()) == 2, START_SECONDS)
        yield Hosts(stack, broker, runner_log)


def _make_certificates(folder: Path, broker: str) -> None:
    command = [str(ROOT / "deploy/tls/make-certificates.sh"), str(folder), broker]
    subprocess.run(command, check=True, capture_output=True, timeout=180)


def _start_engine(stack: ChaosStack, made: ExitStack) -> SecondEngine:
    (pid,) = stack.main_pids(DISTANT)
    engine = SecondEngine(stack.project, network=Path(f"/proc/{pid}/ns/net"))
    made.callback(engine.close)
    engine.start()
    engine.wait_until_up()
    engine.load("runlet/runtime-python")
    return engine


@contextmanager
def _distant_runner(
    stack: ChaosStack, engine: SecondEngine, broker: str, folder: Path, log: Path
) -> Iterator[None]:
    (pid,) = stack.main_pids(DISTANT)
    login = f"runlet:{stack.settings['RABBITMQ_PASSWORD']}"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AMQP_URL": f"amqps://{login}@{broker}:5671/runlet",
        "AMQP_CA_FILE": str(folder / "ca.pem"),
        "DOCKER_HOST": f"unix://{engine.socket_path}",
        "RUNNER_LANGUAGES": "python",
        "RUNNER_CONCURRENCY": "2",
        "LOG_LEVEL": "DEBUG",
    }
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-m", "runner"]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()

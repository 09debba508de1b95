"""What a runner on another machine is given, and what is opened for it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def services_of(file: str) -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]
    return found


def test_a_distant_runner_is_given_the_broker_and_its_authority_and_no_more() -> None:
    (name, runner), *others = services_of("deploy/runner/compose.runner.yml").items()

    assert (name, others) == ("runner", [])
    assert set(runner["environment"]) == {"AMQP_URL", "AMQP_CA_FILE"}
    assert runner["environment"]["AMQP_CA_FILE"] in runner["volumes"][0]


def test_a_runner_of_the_stack_differs_by_nothing_else_it_needs_of_the_stack() -> None:
    runner = services_of("docker-compose.yml")["runner"]

    addresses = [name for name in runner["environment"] if name.endswith(("_URL", "_HOST"))]
    assert sorted(addresses) == ["AMQP_URL", "DOCKER_HOST"]


def test_only_the_port_with_tls_is_opened_to_other_machines() -> None:
    (name, rabbitmq), *others = services_of("deploy/tls/compose.tls.yml").items()

    assert (name, others) == ("rabbitmq", [])
    assert [port.rpartition(":")[2] for port in rabbitmq["ports"]] == ["5671"]


def test_the_broker_takes_no_protocol_older_than_tls_1_2() -> None:
    lines = (ROOT / "deploy/tls/rabbitmq.conf").read_text(encoding="utf-8").splitlines()

    versions = [
        line.rpartition(" ")[2] for line in lines if line.startswith("ssl_options.versions")
    ]
    assert versions == ["tlsv1.3", "tlsv1.2"]

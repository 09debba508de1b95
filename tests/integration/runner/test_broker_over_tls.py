"""RabbitMQ over TLS: who is trusted, who is not, and a run by way of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runlet.execution import Status
from runlet_amqp import envelopes
from runlet_amqp.connection import connect
from runlet_amqp.errors import BrokerUnavailableError
from runlet_amqp.settings import BrokerSettings
from support.broker import vhosts
from support.broker.tls_broker import TlsBroker, tls_broker
from support.certificates import Authority
from support.sandboxes.runners import run_request, running_runner


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    with tls_broker(tmp_path_factory.mktemp("tls")) as made:
        yield made


def refusal(settings: BrokerSettings) -> str:
    with pytest.raises(BrokerUnavailableError) as refused:
        connect(settings, "test")
    return str(refused.value)


def test_a_run_goes_from_request_to_result_over_tls(rabbitmq: TlsBroker) -> None:
    request = run_request("print(6 * 7)")
    authority = str(rabbitmq.authority.cert)
    with running_runner(rabbitmq.url(), AMQP_CA_FILE=authority) as runner:
        vhosts.publish(runner.broker, envelopes.run_request(request, None))
        finished = runner.finished()

    assert (finished.status, finished.result.stdout) == (Status.COMPLETED, "42\n")


def test_a_client_shows_the_certificate_it_was_given(rabbitmq: TlsBroker) -> None:
    shown = rabbitmq.authority.issue("runner-7")
    files = {"amqp_cert_file": str(shown.cert), "amqp_key_file": str(shown.key)}

    with connect(rabbitmq.settings(**files), "test"):
        assert "tlsv1.3\tCN=runner-7" in rabbitmq.connections().splitlines()


def test_a_node_that_is_away_leaves_the_others(rabbitmq: TlsBroker) -> None:
    away = "amqps://runlet:runlet@localhost:1/runlet"
    unknown = "amqps://runlet:runlet@node.invalid:5671/runlet"
    all_three = rabbitmq.settings(amqp_url=f"{away},{rabbitmq.url()},{unknown}")

    for _ in range(3):
        connect(all_three, "test").close()


def test_an_authority_that_did_not_sign_is_refused(rabbitmq: TlsBroker, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")

    said = refusal(rabbitmq.settings(amqp_ca_file=str(stranger.cert)))
    assert "is not trusted" in said
    assert "AMQP_CA_FILE" in said
    assert "is not trusted" in refusal(BrokerSettings(amqp_url=rabbitmq.url()))


def test_a_certificate_for_another_name_is_refused(rabbitmq: TlsBroker) -> None:
    said = refusal(rabbitmq.settings(amqp_url=rabbitmq.url(host="127.0.0.1")))

    assert "is for another name than 127.0.0.1" in said


def test_a_port_without_tls_is_called_that(rabbitmq: TlsBroker) -> None:
    said = refusal(rabbitmq.settings(amqp_url=rabbitmq.url(port=5672)))

    assert "does not speak TLS" in said


def test_plain_text_to_a_port_with_tls_is_called_that(rabbitmq: TlsBroker) -> None:
    said = refusal(BrokerSettings(amqp_url=rabbitmq.url(scheme="amqp")))

    assert "begin the address in AMQP_URL with amqps://" in said


def test_a_client_of_a_strange_authority_is_refused(rabbitmq: TlsBroker, tmp_path: Path) -> None:
    shown = Authority(tmp_path, "stranger").issue("runner-8")
    files = {"amqp_cert_file": str(shown.cert), "amqp_key_file": str(shown.key)}

    assert "AMQP_CERT_FILE" in refusal(rabbitmq.settings(**files))

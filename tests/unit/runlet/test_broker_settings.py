import ssl
from pathlib import Path

import pytest

from runlet.config import ConfigError, load
from runlet_amqp.settings import BrokerSettings


def settings(**variables: str) -> BrokerSettings:
    return load(BrokerSettings, variables)


def test_an_address_without_a_port_means_that_of_its_protocol() -> None:
    (plain,) = settings(AMQP_URL="amqp://mq/runlet").addresses()
    (encrypted,) = settings(AMQP_URL="amqps://mq/runlet").addresses()

    assert (plain.port, plain.virtual_host, plain.ssl_options) == (5672, "runlet", None)
    assert (encrypted.port, encrypted.ssl_options.server_hostname) == (5671, "mq")


def test_a_list_of_addresses_names_the_nodes_of_a_cluster() -> None:
    nodes = settings(AMQP_URL="amqp://u:p@a:1/v, amqp://u:p@b:2/v,amqp://u:p@c:3/v").addresses()

    assert [(node.host, node.port) for node in nodes] == [("a", 1), ("b", 2), ("c", 3)]


def test_certificates_are_demanded_names_are_checked_and_old_protocols_refused() -> None:
    (address,) = settings(AMQP_URL="amqps://mq").addresses()
    context = address.ssl_options.context

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_file_of_the_authority_is_no_file_with_a_value(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("not read here", encoding="utf-8")
    url = tmp_path / "url"
    url.write_text("amqp://mq\n", encoding="utf-8")

    assert settings(AMQP_URL_FILE=str(url)).amqp_url == "amqp://mq"
    with pytest.raises(ConfigError, match="no certificate or key in PEM"):
        settings(AMQP_URL="amqps://mq", AMQP_CA_FILE=str(authority))


@pytest.mark.parametrize(
    "url",
    [
        "mq:5672",
        "http://mq",
        "amqp://",
        "amqp://hunter2:hunter2/hunter2@mq",
        "amqp://hunter2@mq",
        "amqp://mq,hunter2",
        "amqp://mq:1/v?hunter2=1",
        "amqp://[hunter2",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="AMQP_URL is not usable") as refusal:
        settings(AMQP_URL=url)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["AMQP_CA_FILE", "AMQP_CERT_FILE"])
def test_a_file_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{name} names .*No such file"):
        settings(AMQP_URL="amqps://mq", **{name: str(tmp_path / "none")})


def test_a_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(ConfigError, match="without AMQP_CERT_FILE"):
        settings(AMQP_URL="amqps://mq", AMQP_KEY_FILE="/dev/null")


def test_an_authority_for_a_plain_address_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"begins with amqp://, which is not encrypted"):
        settings(AMQP_URL="amqp://b", AMQP_CA_FILE="/dev/null")


def test_the_password_in_the_address_is_not_shown() -> None:
    assert "hunter2" not in repr(settings(AMQP_URL="amqp://user:hunter2@mq"))

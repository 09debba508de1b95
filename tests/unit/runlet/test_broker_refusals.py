import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runlet_amqp.connection import connect
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.settings import BrokerSettings
from support.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def old_server(authority: Authority) -> Iterator[int]:
    """The port of a server that speaks TLS 1.1 at best."""
    issued = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                accepted, _ = listener.accept()
                context.wrap_socket(accepted, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_broker_without_a_new_protocol_is_refused(authority: Authority, old_server: int) -> None:
    url = f"amqps://user:hidden@localhost:{old_server}"

    with pytest.raises(BrokerRefusedError, match=r"speaks no TLS of version 1\.2 or newer"):
        connect(BrokerSettings(amqp_url=url, amqp_ca_file=str(authority.cert)), "test")


def test_a_broker_that_is_away_is_no_matter_of_settings() -> None:
    with pytest.raises(BrokerUnavailableError) as raised:
        connect("amqp://user:hidden@127.0.0.1:1,amqp://user:hidden@127.0.0.1:2", "test")

    assert not isinstance(raised.value, BrokerRefusedError)


def test_an_authority_that_went_away_is_named_at_the_next_connection(authority: Authority) -> None:
    settings = BrokerSettings(amqp_url="amqps://localhost:1", amqp_ca_file=str(authority.cert))
    authority.cert.unlink()

    with pytest.raises(BrokerRefusedError, match=r"AMQP_CA_FILE.*No such file"):
        connect(settings, "test")

"""PostgreSQL over TLS and on several hosts, by what DATABASE_URL can say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, text

from runlet_postgres import engines
from runlet_postgres.errors import DatabaseUnavailableError
from support.certificates import Authority
from support.deployments.server_containers import port_of, server
from support.wait_until import eventually

TLS_FOLDER = "/etc/postgresql-tls"
COMMAND = (
    "postgres",
    "-cssl=on",
    f"-cssl_cert_file={TLS_FOLDER}/server.pem",
    f"-cssl_key_file={TLS_FOLDER}/server-key.pem",
)
START_SECONDS = 180
OWN_CONNECTION = text("SELECT ssl, version, pid FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


class Server(NamedTuple):
    """A PostgreSQL with a certificate for localhost, and none for 127.0.0.1."""

    port: int
    authority: Authority

    def url(self, host: str = "localhost", **options: str) -> str:
        """Its address, which demands a certificate for `host`."""
        chosen = {"sslmode": "verify-full", "sslrootcert": str(self.authority.cert), **options}
        query = "&".join(f"{name}={value}" for name, value in chosen.items())
        return f"postgresql+psycopg2://postgres:hidden@{host}:{self.port}/postgres?{query}"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    issued = authority.issue("server", "DNS:localhost")
    files: dict[str, bytes | Path] = {
        f"{TLS_FOLDER}/server.pem": issued.cert,
        f"{TLS_FOLDER}/server-key.pem": issued.key,
    }
    with server(
        "postgres",
        files,
        COMMAND,
        environment={"POSTGRES_PASSWORD": "hidden"},
        ports={"5432/tcp": ("127.0.0.1", None)},
    ) as container:
        made = Server(port_of(container, 5432), authority)
        eventually(lambda: _answers(container), START_SECONDS)
        yield made


def _answers(container: Any) -> bool:
    return bool(container.exec_run(["pg_isready", "-q", "-h", "127.0.0.1"]).exit_code == 0)


def engine_for(url: str) -> Engine:
    return engines.create_engine(url, "test", 1, autocommit=True)


def answer(url: str) -> Any:
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            return connection.execute(OWN_CONNECTION).one()
    finally:
        engine.dispose()


def test_a_connection_is_encrypted_and_the_server_is_known(database: Server) -> None:
    seen = answer(database.url())

    assert (seen.ssl, seen.version) == (True, "TLSv1.3")
    assert engines.create_probe(database.url(), "test")()


def test_the_pool_keeps_an_encrypted_connection(database: Server) -> None:
    engine = engine_for(database.url())
    backends = set()
    for _ in range(3):
        with engine.connect() as connection:
            backends.add(connection.execute(OWN_CONNECTION).one().pid)
    engine.dispose()

    assert len(backends) == 1


def test_a_strange_authority_is_refused(database: Server, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")

    with pytest.raises(DatabaseUnavailableError, match="certificate verify failed"):
        answer(database.url(sslrootcert=str(stranger.cert)))


def test_a_certificate_for_another_name_is_refused(database: Server) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r'does not match host name "127\.0\.0\.1"'):
        answer(database.url("127.0.0.1"))


def test_a_host_that_is_away_leaves_the_others(database: Server) -> None:
    url = (
        "postgresql+psycopg2://postgres:hidden@/postgres?host=localhost:1"
        f"&host=localhost:{database.port}&target_session_attrs=read-write"
        f"&sslmode=verify-full&sslrootcert={database.authority.cert}"
    )

    assert answer(url).ssl

"""Connections to PostgreSQL that give up on a server which no longer answers.

A server that is frozen or cut off keeps its sockets open, so neither its own statement time-out
nor TCP ends a call. psycopg2 lets a callback do the waiting; this one has a deadline.
"""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import sqlalchemy
import structlog
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, NullPool, PoolProxiedConnection, QueuePool, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from runlet_postgres.errors import DatabaseUnavailableError, raise_mapped

log = structlog.get_logger()

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5
PROBE_SECONDS = 1
# Of a client in a transaction.
SILENCE_SECONDS = 5
# The server should be the one to end a slow statement: that keeps the connection.
GRACE_SECONDS = 1
OTHERS_SECONDS = 86_400
POOL_WAIT_SECONDS = 3


class _Connection(extensions.connection):
    """A connection whose statements may take `statement_deadline_seconds`."""

    statement_deadline_seconds: float = STATEMENT_SECONDS + GRACE_SECONDS


class _ProbeConnection(_Connection):
    statement_deadline_seconds = PROBE_SECONDS + GRACE_SECONDS


class _Pool(QueuePool):
    def connect(self) -> PoolProxiedConnection:
        """Raises DatabaseUnavailableError when no connection becomes free in time."""
        try:
            return super().connect()
        except PoolTimeoutError as error:
            raise DatabaseUnavailableError("All connections to the database are busy.") from error


def create_engine(url: str, name: str, pool_size: int, *, autocommit: bool) -> Engine:
    """A pool that connects when first used, as `name` in the server's list of connections.

    With `autocommit` each statement is a transaction of its own, which saves two round trips. What
    needs a `transaction` there all the same is short: the server ends one whose client fell silent,
    so that a process that hangs does not keep its locks.
    It raises the errors of `runlet_postgres.errors`. Parameters stay out of their messages, and so
    does all else that may quote users' programs. Any thread may use it.
    """
    extensions.set_wait_callback(_wait)
    engine = sqlalchemy.create_engine(
        url,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
        poolclass=_Pool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=_connect_args(
            _Connection, name, STATEMENT_SECONDS, SILENCE_SECONDS if autocommit else 0
        ),
    )
    event.listen(engine, "checkout", _refuse_closed)
    event.listen(engine, "handle_error", raise_mapped)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Several statements on an engine in autocommit mode, all or nothing: an error undoes them.

    SQLAlchemy can switch a connection's mode for that, and each switch is a way to the server.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        except BaseException:
            _undo(connection)
            raise
        connection.exec_driver_sql("COMMIT")


def _undo(connection: Connection) -> None:
    try:
        connection.exec_driver_sql("ROLLBACK")
    except DatabaseUnavailableError:
        # The server undoes it when the connection ends; the pool must not hand it out again.
        connection.invalidate()


def create_probe(url: str, name: str) -> Callable[[], bool]:
    """A check that says within a few seconds whether the database answers.

    It connects anew each time, so that a busy pool does not count as an outage.
    """
    extensions.set_wait_callback(_wait)
    connect_args = _connect_args(_ProbeConnection, name, PROBE_SECONDS)
    engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=connect_args)
    event.listen(engine, "handle_error", raise_mapped)

    def answers() -> bool:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except DatabaseUnavailableError as error:
            log.warning("database_probe_failed", error=str(error))
            return False
        return True

    return answers


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Keep the pool from handing out connections that the server has closed.

    A server says nothing on an idle connection but its end, so a look at the socket tells as much
    as a question, without the way there and back. Raises InvalidatePoolError, which makes the pool
    connect anew.
    """
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    if poller.poll(0):
        raise InvalidatePoolError("The server has closed the connection.")


def _connect_args(
    factory: type[_Connection], name: str, statement_seconds: int, silence_seconds: int = 0
) -> dict[str, object]:
    return {
        "connection_factory": factory,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": name,
        "options": f"-c timezone=UTC -c statement_timeout={statement_seconds}s "
        f"-c idle_in_transaction_session_timeout={silence_seconds}s",
    }


def _wait(connection: extensions.connection) -> None:
    """Wait for an answer, as psycopg2 would, but not for ever."""
    allowed_seconds = _allowed_seconds(connection)
    deadline = time.monotonic() + allowed_seconds
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        reading = state == extensions.POLL_READ
        poller.register(connection.fileno(), select.POLLIN if reading else select.POLLOUT)
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise psycopg2.OperationalError(
                f"The database did not answer within {allowed_seconds} s."
            )


def _allowed_seconds(connection: extensions.connection) -> float:
    """The callback serves the whole process: connections of others wait for hours if they must."""
    if not isinstance(connection, _Connection):
        return OTHERS_SECONDS
    if connection.status == extensions.STATUS_SETUP:
        return CONNECT_SECONDS
    return connection.statement_deadline_seconds

"""Runs the migrations against the database that DATABASE_URL names."""

import logging
import os

from alembic import context
from alembic.util import CommandError
from sqlalchemy import NullPool, create_engine, text

from runlet import config
from runlet_postgres.execution_tables import metadata

# Any number will do, as long as every process that migrates this database takes the same.
LOCK = 7_201_002


def run() -> None:
    """Upgrade or downgrade in one transaction; a second process waits until the first is done."""
    try:
        url = config.read("DATABASE_URL", os.environ)
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    if not url:
        raise CommandError("DATABASE_URL is not set. Set it to the address of the database.")
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10})
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()


if context.config.cmd_opts is not None:
    # Called as a program, not from another one that has logs of its own.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
run()

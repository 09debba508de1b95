"""For how long the oldest request of each language has waited."""

import math
from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, Float, Select, cast, extract, func, select

from runlet.backoff import Stop
from runlet.execution import Status
from runlet_postgres.errors import DatabaseUnavailableError
from runlet_postgres.execution_tables import executions
from runlet_telemetry.metrics import OLDEST_QUEUED_SECONDS

EVERY_SECONDS = 5.0


class AgeGauges:
    """Asks the database, because a queue does not tell the age of what is in it.

    What is unknown is NaN.
    """

    def __init__(self, engine: Engine, language_ids: Collection[str]) -> None:
        self._engine = engine
        self._language_ids = language_ids
        self._oldest = oldest(language_ids)
        self._forget()

    def turn(self, _stop: Stop) -> None:
        """Measure once. Raises DatabaseUnavailableError when the database cannot be used now."""
        try:
            with self._engine.connect() as connection:
                ages = connection.execute(self._oldest).mappings().one()
        except DatabaseUnavailableError:
            self._forget()
            raise
        for language_id, age in ages.items():
            OLDEST_QUEUED_SECONDS.labels(language_id).set(max(0.0, age or 0.0))

    def _forget(self) -> None:
        for language_id in self._language_ids:
            OLDEST_QUEUED_SECONDS.labels(language_id).set(math.nan)


def oldest(language_ids: Collection[str]) -> Select[Any]:
    """One row with a column for each language: the index gives each minimum at once."""
    return select(
        *(
            select(cast(extract("epoch", func.now() - func.min(executions.c.queued_at)), Float))
            .where(executions.c.status == Status.QUEUED, executions.c.language == language_id)
            .scalar_subquery()
            .label(language_id)
            for language_id in language_ids
        )
    )

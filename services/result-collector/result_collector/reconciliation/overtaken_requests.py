"""Telling requests that wait in a long queue from those that are in no queue any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID


class Waiting(NamedTuple):
    """A queued execution whose request the broker has confirmed, and for a while."""

    id: UUID
    language: str
    queued_at: datetime


class OvertakenRequests:
    """Remembers since when executions have been seen waiting.

    A queue hands its requests out in order. So a request that was in its queue when it was seen is
    gone when one has started that was accepted later than that. When a request was accepted says
    less: after an outage of the broker, the requests of that time come into the queues last.
    """

    def __init__(self, margin: timedelta) -> None:
        self._margin = margin
        self._first_seen: dict[Waiting, datetime] = {}

    def note(
        self, waiting: Sequence[Waiting], newest_started: Mapping[str, datetime], now: datetime
    ) -> list[UUID]:
        """Take note of all that waits; gives what was overtaken.

        `newest_started` says for languages when the newest execution that has started was accepted.
        """
        self._first_seen = {one: self._first_seen.get(one, now) for one in waiting}
        return [
            one.id
            for one, seen in self._first_seen.items()
            if one.language in newest_started and newest_started[one.language] > seen + self._margin
        ]

"""Ids that grow with time."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from runlet.ids import new_id

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = new_id(NOW)

    assert (made.version, made.variant) == (7, RFC_4122)


def test_ids_are_in_the_order_of_time() -> None:
    moments = [NOW + timedelta(milliseconds=number) for number in range(100)]

    made = [new_id(moment) for moment in moments]

    assert made == sorted(made)


def test_an_id_begins_with_its_moment_in_milliseconds() -> None:
    assert new_id(NOW).int >> 80 == int(NOW.timestamp() * 1000)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(NOW) for _ in range(1000)}) == 1000

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from execution_api.cursor import Cursor


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor(datetime(2025, 1, 31, 12, 0, 0, 123456, UTC), uuid4())
    assert Cursor.decode(cursor.encode()) == cursor


def test_a_cursor_needs_no_quoting_in_a_url() -> None:
    encoded = Cursor(datetime.now(UTC), uuid4()).encode()
    assert encoded.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", "MjAyNQ", "|", "====", "MjAyNS0wMS0zMXw2", "A" * 10_000],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.decode(text)


def test_a_cursor_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError):
        Cursor.decode(Cursor(datetime(2025, 1, 31), uuid4()).encode())

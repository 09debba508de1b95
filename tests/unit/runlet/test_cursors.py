"""Cursors of newest-first lists."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlet.http.cursors import Cursor

POSITION = Cursor(
    datetime(2025, 1, 31, 12, 0, 0, 123456, UTC), UUID("6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55")
)


def test_a_cursor_comes_back_as_it_was() -> None:
    assert Cursor.decode(POSITION.encode()) == POSITION


def test_a_cursor_needs_no_escaping_in_a_query() -> None:
    assert POSITION.encode().replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "|",
        "2025-01-31T12:00:00+00:00",
        "2025-01-31T12:00:00|6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55",
        "2025-01-31T12:00:00+00:00|nobody",
        "yesterday|6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55",
        "2025-01-31T12:00:00+00:00|{6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55}",
    ],
)
def test_a_cursor_with_other_content_is_refused(content: str) -> None:
    with pytest.raises(ValueError):
        Cursor.decode(base64.urlsafe_b64encode(content.encode()).decode().rstrip("="))


@given(st.text())
def test_any_other_text_is_refused_as_a_value(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.decode(text)

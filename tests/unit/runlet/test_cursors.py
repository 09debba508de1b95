"""Cursors of newest-first lists."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlet_http.cursors import PATTERN, Cursor

POSITION = Cursor(
    datetime(2025, 1, 31, 12, 0, 0, 123456, UTC), UUID("6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55")
)


def test_a_cursor_comes_back_as_it_was() -> None:
    assert Cursor.decode(POSITION.encode()) == POSITION


def test_a_cursor_needs_no_escaping_in_a_query() -> None:
    assert POSITION.encode().replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "text",
    [
        "",
        POSITION.encode()[:-1],
        POSITION.encode() + "A",
        POSITION.encode() + "\n",
        POSITION.encode() + "====",
        "/" + POSITION.encode()[1:],
        "B" + POSITION.encode()[1:],
        "Ag" + POSITION.encode()[2:],
    ],
)
def test_a_cursor_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.decode(text)


@given(st.from_regex(PATTERN, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_every_text_of_the_documented_form_is_a_cursor(text: str) -> None:
    assert Cursor.decode(text).encode() == text


@given(st.text())
def test_any_other_text_is_refused_as_a_value(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.decode(text)

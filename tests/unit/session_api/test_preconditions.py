"""What an If-Match header accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_api.sessions.preconditions import accepted_revisions


@pytest.mark.parametrize("header", [None, "*", " * "])
def test_without_a_condition_any_revision_will_do(header: str | None) -> None:
    assert accepted_revisions(header) is None


@pytest.mark.parametrize(
    ("header", "revisions"),
    [('"3"', {3}), ("3", {3}), (' "3" ', {3}), ('"3", "5"', {3, 5}), ('W/"3", "5"', {5})],
)
def test_named_revisions_are_accepted(header: str, revisions: set[int]) -> None:
    assert accepted_revisions(header) == frozenset(revisions)


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        '"',
        '""',
        'W/"3"',
        "W/3",
        '"03"',
        '"0"',
        "-1",
        '"3',
        "3.0",
        "'3'",
        '"*"',
        "abc",
        '"٣"',
        "9" * 19,
        "9" * 5000,
    ],
)
def test_a_weak_tag_or_nonsense_accepts_nothing(header: str) -> None:
    assert accepted_revisions(header) == frozenset()


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    accepted = accepted_revisions(header)
    assert accepted is None or all(0 < revision < 2**63 for revision in accepted)

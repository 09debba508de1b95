"""Server-sent events, wherever the chunks are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlet_client.sse import Parser, ServerSentEvent

STREAM = (
    '\ufeffevent: stdout\nid: 1\ndata: {"text": "é\u2028x"}\n\n'
    ": a comment\r\n\r\n"
    "id: 2\r\ndata: a\r\ndata:b\r\ndata\r\n\r\n"
    "data:  two spaces\r\r"
    "event: empty\n\nid\nunknown: x\ndata: last\n\n"
    "event: cut\ndata: off"
).encode()
EVENTS = [
    ServerSentEvent("stdout", '{"text": "é\u2028x"}', "1"),
    ServerSentEvent("message", "a\nb\n", "2"),
    ServerSentEvent("message", " two spaces", "2"),
    ServerSentEvent("message", "last", ""),
]


def parsed(chunks: list[bytes]) -> list[ServerSentEvent]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_a_stream_is_read_as_the_standard_has_it() -> None:
    assert parsed([STREAM]) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_may_be_cut_anywhere(size: int) -> None:
    assert parsed([STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_no_cut_makes_a_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]

    assert parsed([STREAM[a:b] for a, b in pairwise(edges)]) == EVENTS


@given(st.lists(st.binary()))
def test_no_bytes_are_too_odd(chunks: list[bytes]) -> None:
    parsed(chunks)


def test_what_is_incomplete_counts_for_nothing() -> None:
    parser = Parser("7")

    assert list(parser.feed(b"id: 8\ndata: x\n")) == []
    assert parser.last_id == "7"


def test_an_event_without_an_id_keeps_the_last_one() -> None:
    (event,) = Parser("7").feed(b"data: x\n\n")

    assert event.id == "7"


def test_a_nul_makes_an_id_none() -> None:
    (event,) = Parser("7").feed(b"id: a\0\ndata: x\n\n")

    assert event.id == "7"

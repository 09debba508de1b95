from hypothesis import given
from hypothesis import strategies as st

from execution_api.streaming.stream_buffer import OutputTail

PLENTY = 1 << 20
TEXT = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))

cuts = st.lists(
    st.tuples(st.integers(0, len(TEXT)), st.integers(0, 20)).map(
        lambda cut: (cut[0], TEXT[cut[0] : cut[0] + cut[1]])
    ),
    max_size=40,
)


def test_what_follows_a_position_is_read_across_pieces() -> None:
    tail = OutputTail(PLENTY)
    tail.add(0, "abc")
    tail.add(3, "def")
    assert [tail.read(start, 100) for start in range(7)] == [
        "abcdef",
        "bcdef",
        "cdef",
        "def",
        "ef",
        "f",
        "",
    ]


def test_no_more_is_read_than_asked_for() -> None:
    tail = OutputTail(PLENTY)
    tail.add(0, "abc")
    tail.add(3, "def")
    assert (tail.read(1, 3), tail.read(1, 1)) == ("bcd", "b")


def test_reading_stops_at_a_hole_and_goes_on_when_it_is_filled() -> None:
    tail = OutputTail(PLENTY)
    tail.add(0, "abc")
    tail.add(6, "ghi")
    assert (tail.read(0, 100), tail.read(3, 100), tail.read(7, 100)) == ("abc", "", "hi")
    tail.add(2, "cdefg")
    assert tail.read(0, 100) == "abcdefghi"


def test_when_it_is_too_much_the_beginning_goes() -> None:
    piece = "x" * 1000
    tail = OutputTail(5000)
    for index in range(20):
        tail.add(index * len(piece), piece)
    assert tail.size <= 5000
    assert tail.read(0, 100) == ""
    assert tail.read(19_000, 5000) == piece


@given(cuts)
def test_however_pieces_come_nothing_wrong_is_read(pieces: list[tuple[int, str]]) -> None:
    tail = OutputTail(PLENTY)
    known: set[int] = set()
    for start, text in pieces:
        tail.add(start, text)
        known.update(range(start, start + len(text)))
    for start in range(len(TEXT)):
        end = next(at for at in range(start, len(TEXT) + 1) if at not in known)
        assert tail.read(start, 1000) == TEXT[start:end]


@given(cuts, st.integers(0, 2000))
def test_its_size_is_bounded_and_what_it_still_has_is_right(
    pieces: list[tuple[int, str]], limit: int
) -> None:
    tail = OutputTail(limit)
    for start, text in pieces:
        tail.add(start, text)
        assert 0 <= tail.size <= limit
    for start in range(len(TEXT)):
        assert TEXT[start:].startswith(tail.read(start, 1000))

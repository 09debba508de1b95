from hypothesis import given
from hypothesis import strategies as st

from execution_api.streaming.stream_buffer import StreamBuffer

PLENTY = 1 << 20
TEXT = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))

cuts = st.lists(
    st.tuples(st.integers(0, len(TEXT)), st.integers(0, 20)).map(
        lambda cut: (cut[0], TEXT[cut[0] : cut[0] + cut[1]])
    ),
    max_size=40,
)


def test_what_follows_a_position_is_read_across_pieces() -> None:
    buffer = StreamBuffer(PLENTY)
    buffer.add(0, "abc")
    buffer.add(3, "def")
    assert [buffer.read(start, 100) for start in range(7)] == [
        "abcdef",
        "bcdef",
        "cdef",
        "def",
        "ef",
        "f",
        "",
    ]


def test_no_more_is_read_than_asked_for() -> None:
    buffer = StreamBuffer(PLENTY)
    buffer.add(0, "abc")
    buffer.add(3, "def")
    assert (buffer.read(1, 3), buffer.read(1, 1)) == ("bcd", "b")


def test_reading_stops_at_a_hole_and_goes_on_when_it_is_filled() -> None:
    buffer = StreamBuffer(PLENTY)
    buffer.add(0, "abc")
    buffer.add(6, "ghi")
    assert (buffer.read(0, 100), buffer.read(3, 100), buffer.read(7, 100)) == ("abc", "", "hi")
    buffer.add(2, "cdefg")
    assert buffer.read(0, 100) == "abcdefghi"


def test_when_it_is_too_much_the_beginning_goes() -> None:
    piece = "x" * 1000
    buffer = StreamBuffer(5000)
    for index in range(20):
        buffer.add(index * len(piece), piece)
    assert buffer.size <= 5000
    assert buffer.read(0, 100) == ""
    assert buffer.read(19_000, 5000) == piece


@given(cuts)
def test_however_pieces_come_nothing_wrong_is_read(pieces: list[tuple[int, str]]) -> None:
    buffer = StreamBuffer(PLENTY)
    known: set[int] = set()
    for start, text in pieces:
        buffer.add(start, text)
        known.update(range(start, start + len(text)))
    for start in range(len(TEXT)):
        end = next(at for at in range(start, len(TEXT) + 1) if at not in known)
        assert buffer.read(start, 1000) == TEXT[start:end]


@given(cuts, st.integers(0, 2000))
def test_its_size_is_bounded_and_what_it_still_has_is_right(
    pieces: list[tuple[int, str]], limit: int
) -> None:
    buffer = StreamBuffer(limit)
    for start, text in pieces:
        buffer.add(start, text)
        assert 0 <= buffer.size <= limit
    for start in range(len(TEXT)):
        assert TEXT[start:].startswith(buffer.read(start, 1000))

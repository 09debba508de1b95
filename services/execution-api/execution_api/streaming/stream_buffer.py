"""What is remembered of one output stream."""

import sys
from bisect import bisect_right
from typing import NamedTuple

# What a piece costs beside its text.
PIECE_OVERHEAD_BYTES = 120


class Piece(NamedTuple):
    """Some characters of a stream, and how many come before them."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """How many characters of the stream there are with these."""
        return self.start + len(self.text)

    @property
    def bytes(self) -> int:
        """The memory it takes."""
        return sys.getsizeof(self.text) + PIECE_OVERHEAD_BYTES


class StreamBuffer:
    """The recent pieces of a stream, side by side; there may be holes between them.

    `size` is the memory they take, in bytes: at most `limit`, the beginning is dropped first.
    """

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._pieces: list[Piece] = []

    def add(self, start: int, text: str) -> None:
        """Remember what is new in this piece; pieces may come in any order, and twice."""
        index = bisect_right(self._pieces, start, key=lambda piece: piece.start)
        if index:
            start, text = _after(self._pieces[index - 1].end, start, text)
        while text and index < len(self._pieces):
            following = self._pieces[index]
            index += self._insert(index, Piece(start, text[: following.start - start])) + 1
            start, text = _after(following.end, start, text)
        self._insert(index, Piece(start, text))
        while self.size > self._limit:
            self.size -= self._pieces.pop(0).bytes

    def read(self, start: int, at_most: int) -> str:
        """What follows after `start` characters without a hole; empty when that is not known."""
        index = max(0, bisect_right(self._pieces, start, key=lambda piece: piece.start) - 1)
        found: list[str] = []
        end = start + at_most
        for piece in self._pieces[index:]:
            if start >= end or not piece.start <= start < piece.end:
                break
            found.append(piece.text[start - piece.start : end - piece.start])
            start = piece.end
        return "".join(found)

    def _insert(self, index: int, piece: Piece) -> int:
        if not piece.text:
            return 0
        self._pieces.insert(index, piece)
        self.size += piece.bytes
        return 1


def _after(position: int, start: int, text: str) -> tuple[int, str]:
    """The part of a piece that lies behind `position`."""
    if position <= start:
        return start, text
    return position, text[position - start :]

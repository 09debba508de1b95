"""Server-sent events, read as the WHATWG's HTML standard has it, from chunks cut anywhere.

Written here and not taken from httpx-sse, so that the client needs nothing but httpx; that one also
leaves going on after a broken connection, which is most of what a stream needs, to its caller.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Not str.splitlines, to which other characters end a line too.
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class ServerSentEvent:
    """One event; `id` is that of the last event that had one."""

    type: str
    data: str
    id: str | None


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8-sig")(errors="replace")


@dataclass
class Parser:
    """Turns one connection's bytes into events; what is not complete at its end is dropped."""

    last_id: str | None = None
    _decoder: codecs.IncrementalDecoder = field(default_factory=_decoder)
    _line: list[str] = field(default_factory=list)
    _after_cr: bool = False
    _type: str = ""
    _data: list[str] = field(default_factory=list)
    _id: str | None = None

    def __post_init__(self) -> None:
        self._id = self.last_id

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that this chunk completes."""
        for line in self._lines(self._decoder.decode(chunk)):
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                yield event

    def _lines(self, text: str) -> Iterator[str]:
        if not text:
            return
        if self._after_cr and text.startswith("\n"):
            text = text[1:]
            self._after_cr = False
            if not text:
                return
        self._after_cr = text.endswith("\r")
        *complete, rest = _LINE_END.split(text)
        for line in complete:
            self._line.append(line)
            whole = "".join(self._line)
            self._line.clear()
            yield whole
        self._line.append(rest)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> ServerSentEvent | None:
        self.last_id = self._id
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        return ServerSentEvent(kind, "\n".join(data), self._id) if data else None

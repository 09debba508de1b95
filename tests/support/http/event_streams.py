"""Reading server-sent events as a client would."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

TERMINAL = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED"}


@dataclass(frozen=True)
class ServerSent:
    """One event."""

    id: str
    name: str
    data: dict[str, Any]


def parse(chunks: Iterable[bytes]) -> Iterator[ServerSent]:
    """The events in a stream that arrives in pieces; comments are passed over."""
    rest = b""
    for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
            if b"event" in fields:
                data = json.loads(fields[b"data"])
                yield ServerSent(fields[b"id"].decode(), fields[b"event"].decode(), data)


@dataclass
class Reading:
    """What a client knows after the events it has received; another attempt begins anew."""

    last_id: str | None = None
    attempt: int = 0
    output: dict[str, str] = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    statuses: list[tuple[str, int]] = field(default_factory=list)
    end: dict[str, Any] | None = None

    def take(self, event: ServerSent) -> None:
        """Take one event in."""
        assert self.end is None, "Something follows the end."
        self.last_id = event.id
        if event.name != "status":
            self.output[event.name] += event.data["text"]
            sent = (len(self.output["stdout"]), len(self.output["stderr"]))
            assert event.id == f"{self.attempt}-{sent[0]}-{sent[1]}"
        elif event.data["status"] in TERMINAL:
            self.end = event.data
        else:
            self._begin(event.data["status"], event.data["attempt"])

    def _begin(self, status: str, attempt: int) -> None:
        self.statuses.append((status, attempt))
        if attempt != self.attempt:
            self.attempt = attempt
            self.output = {"stdout": "", "stderr": ""}


def read_all(chunks: Iterable[bytes], reading: Reading | None = None) -> Reading:
    """What a client knows at the end of a stream, or of what it gets of one."""
    reading = reading or Reading()
    for event in parse(chunks):
        reading.take(event)
    return reading

"""The other end of a sandbox container's stream, played by the test."""

import socket
import struct

from runlet.languages import PYTHON
from runner.containers.container import Container
from runner.sandbox.protocol import DONE, HEADER, MEMORY, STDOUT, STEP, Cause, Frame, FrameReader

_ENGINE_HEADER = struct.Struct(">BxxxI")
_MEMORY_REPORT = struct.Struct(">IQ")
_UNKNOWN = 0xFFFF_FFFF
_STEP_REPORT = struct.Struct(">BBiIIIQQQ")


class PlayedAgent:
    """Says what it is told to; what it says waits in the stream until it is read."""

    def __init__(self) -> None:
        ours, self._stream = socket.socketpair()
        self.container = Container("played", PYTHON, 256, ours)
        self._frames = FrameReader()

    def print(self, text: bytes) -> None:
        """Output of the running step."""
        self._say(STDOUT, text)

    def report_memory(self, limit_hits: int | None = 0, used_bytes: int = 0) -> None:
        """The container's memory at the end of a step; goes before its report."""
        self._say(
            MEMORY, _MEMORY_REPORT.pack(_UNKNOWN if limit_hits is None else limit_hits, used_bytes)
        )

    def report(self, cause: Cause, exit_code: int = 0, signal: int = 0, oom_kills: int = 0) -> None:
        """The end of a step."""
        self._say(
            STEP, _STEP_REPORT.pack(cause, 0, exit_code, signal, oom_kills, 0, 1000, 1000, 64)
        )

    def done(self) -> None:
        """The end of a job, everything scrubbed."""
        self._say(DONE, b"\1")

    def heard(self) -> list[Frame]:
        """What has arrived since the last time."""
        self._stream.setblocking(False)
        try:
            return list(self._frames.feed(self._stream.recv(1 << 16)))
        except BlockingIOError:
            return []

    def hang_up(self) -> None:
        """As an engine that died: the stream ends."""
        self._stream.close()

    def close(self) -> None:
        """End both ends."""
        self.container.close()
        self._stream.close()

    def _say(self, kind: bytes, content: bytes) -> None:
        frame = HEADER.pack(kind, len(content)) + content
        self._stream.setblocking(True)
        self._stream.sendall(_ENGINE_HEADER.pack(1, len(frame)) + frame)

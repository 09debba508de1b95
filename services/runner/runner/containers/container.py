"""One sandbox container and the stream to the agent inside it."""

import os
import socket
import struct
import time
from collections import deque
from contextlib import suppress

from runlet.languages import Language
from runner.sandbox.interface import SandboxUnavailableError
from runner.sandbox.protocol import STOP_FRAME, Frame, FrameReader

RECEIVE_BYTES = 1 << 17
_STDOUT_STREAM = 1
# The engine's framing of an attached container without a terminal: stream, padding, size.
_ENGINE_HEADER = struct.Struct(">BxxxI")


class StreamTimeoutError(Exception):
    """The agent said nothing before the deadline."""


class Container:
    """A running container whose agent waits for jobs.

    Not for use by two threads at once, but for `stop`.
    """

    def __init__(
        self, name: str, language: Language, memory_mb: int, stream: socket.socket
    ) -> None:
        self.name = name
        self.language = language
        self.memory_mb = memory_mb
        self.runs = 0
        self.closed = False
        self._stream = stream
        self._engine_buffer = bytearray()
        self._frames = FrameReader()
        self._arrived: deque[Frame] = deque()

    def send(self, frame: bytes) -> None:
        """Hand a frame to the agent. Raises SandboxUnavailableError when it is gone."""
        try:
            self._stream.settimeout(10)
            self._stream.sendall(frame)
        except OSError as error:
            raise SandboxUnavailableError(f"The container went away: {error!r}.") from error

    def stop(self) -> None:
        """Have the agent stop its job; for another thread than the one that waits for frames.

        Raises OSError when nothing can be sent. The caller makes sure that no other thread
        sends or closes at the same time.
        """
        # Past the socket object, whose timeout belongs to the thread that waits; never waits.
        os.write(self._stream.fileno(), STOP_FRAME)

    def is_up(self) -> bool:
        """Whether an idle container can take a job: its stream stands and is silent."""
        try:
            self._stream.settimeout(0)
            self._stream.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def next_frame(self, deadline: float) -> Frame | None:
        """The agent's next frame, as (type, content); None when the container has ended.

        Raises StreamTimeoutError when `deadline`, in seconds of time.monotonic, passes.
        """
        while not self._arrived:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise StreamTimeoutError
            if not self._receive(remaining):
                return None
        return self._arrived.popleft()

    def close(self) -> None:
        """Hang up: the agent ends, and with it the container, which removes itself."""
        self.closed = True
        # The SDK keeps descriptors of its own until they are collected; this ends them all.
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()

    def _receive(self, seconds: float) -> bool:
        """Take in what comes within `seconds`; False when the stream has ended."""
        try:
            self._stream.settimeout(seconds)
            data = self._stream.recv(RECEIVE_BYTES)
        except TimeoutError as error:
            raise StreamTimeoutError from error
        except OSError as error:
            raise SandboxUnavailableError(f"The container went away: {error!r}.") from error
        self._arrived.extend(self._frames.feed(self._unwrap(data)))
        return bool(data)

    def _unwrap(self, data: bytes) -> bytes:
        """Take the engine's framing off, and with it what the agent says on stderr."""
        buffer = self._engine_buffer
        buffer += data
        content = bytearray()
        while len(buffer) >= _ENGINE_HEADER.size:
            stream, size = _ENGINE_HEADER.unpack_from(buffer)
            end = _ENGINE_HEADER.size + size
            if len(buffer) < end:
                break
            if stream == _STDOUT_STREAM:
                content += buffer[_ENGINE_HEADER.size : end]
            del buffer[:end]
        return bytes(content)

"""The frames between the runner and the agent (agent.c), which is process 1 of a container.

A frame is one byte of type, four bytes of size (big-endian) and the content.

To the agent:    P  start a fork server (fork_server.h), once: fields, coded like frames
                 J  a job: fields, coded like frames
                 C  go on with the next step, to be said after each but the last that gave 0
                 K  stop the job, whose later steps do not follow then; ignored when none runs
From the agent:  H  it is up
                 O, E  output of the running step
                 M  the memory of the container at the end of a step, before its S (MemoryReport)
                 S  a step ended (StepReport)
                 X  the program could not be started; the content says why
                 D  the job is over and all that it started is dead; content 1: scrubbed and empty

Fields of a job: u  uid (u32), scrub afterwards (u8)   f  name, NUL, content   i  standard input
                 e  environment, each entry ending in NUL
                 s  wall-clock limit in ms (u32), output limit in bytes (u32), then the argument
                    vector, each word ending in NUL; each step runs if the one before gave 0

Fields of a server: e  as above   a  its program, then the argument vector it initialises for. Steps
with this environment whose vectors begin like that are forks of it, while it lives.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from runner.sandbox.interface import SourceFile

HEADER = struct.Struct(">cI")
_STEP_REPORT = struct.Struct(">BBiIIIQQQ")
_MEMORY_REPORT = struct.Struct(">IQ")
_UNKNOWN = 0xFFFF_FFFF
_STEP = struct.Struct(">II")
_USER = struct.Struct(">IB")

HELLO, STDOUT, STDERR, MEMORY, STEP = b"H", b"O", b"E", b"M", b"S"
FAULT, DONE = b"X", b"D"
CONTINUE_FRAME = HEADER.pack(b"C", 0)
STOP_FRAME = HEADER.pack(b"K", 0)


Frame = tuple[bytes, bytes]


class Cause(IntEnum):
    """Why the agent ended a step."""

    EXITED = 0
    TIME_LIMIT = 1
    OUTPUT_LIMIT = 2
    STOPPED = 3


@dataclass(frozen=True)
class Step:
    """One process to start: compile, or run."""

    argv: tuple[str, ...]
    time_limit_ms: int
    output_limit_bytes: int


@dataclass(frozen=True)
class StepReport:
    """What the agent saw of a step: times in µs, memory in KiB.

    `oom_kills` counts the processes that the kernel killed for want of memory, be it the
    container's or the host's; `others` those that were left when the step's own had ended.
    `wall_us` leaves out what the container was frozen for.
    """

    cause: Cause
    stdout_truncated: bool
    stderr_truncated: bool
    exit_code: int
    signal: int
    oom_kills: int
    others: int
    wall_us: int
    cpu_us: int
    peak_kb: int


@dataclass(frozen=True)
class MemoryReport:
    """The container's memory: how often the step hit its limit, and what is in use after it.

    None where the kernel does not count it: cgroup v1, which notifies the engine instead.
    """

    limit_hits: int | None = None
    used_bytes: int = 0


def encode_job(
    uid: int,
    scrub: bool,
    files: Sequence[SourceFile],
    stdin: bytes,
    environment: Sequence[str],
    steps: Sequence[Step],
) -> bytes:
    """A whole job as one frame."""
    fields = [_frame(b"u", _USER.pack(uid, scrub))]
    fields += [_frame(b"f", file.name.encode() + b"\0" + file.content) for file in files]
    fields.append(_frame(b"i", stdin))
    fields.append(_frame(b"e", _words(environment)))
    fields += [_frame(b"s", _encode_step(step)) for step in steps]
    return _frame(b"J", b"".join(fields))


def encode_fork_server(program: str, argv: Sequence[str], environment: Sequence[str]) -> bytes:
    """What has the agent start a fork server, as one frame."""
    fields = [_frame(b"e", _words(environment)), _frame(b"a", _words([program, *argv]))]
    return _frame(b"P", b"".join(fields))


def decode_step_report(content: bytes) -> StepReport:
    """Read the content of an S frame. Raises struct.error when it has another size."""
    cause, truncated, *rest = _STEP_REPORT.unpack(content)
    return StepReport(Cause(cause), bool(truncated & 1), bool(truncated & 2), *rest)


def decode_memory_report(content: bytes) -> MemoryReport:
    """Read the content of an M frame. Raises struct.error when it has another size."""
    limit_hits, used_bytes = _MEMORY_REPORT.unpack(content)
    return MemoryReport(None if limit_hits == _UNKNOWN else limit_hits, used_bytes)


class FrameReader:
    """Puts frames together from a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Give the (type, content) of every frame that `data` completes."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, size = HEADER.unpack_from(self._buffer)
            end = HEADER.size + size
            if len(self._buffer) < end:
                return
            content = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield kind, content


def _frame(kind: bytes, content: bytes) -> bytes:
    return HEADER.pack(kind, len(content)) + content


def _words(words: Sequence[str]) -> bytes:
    return b"".join(word.encode() + b"\0" for word in words)


def _encode_step(step: Step) -> bytes:
    return _STEP.pack(step.time_limit_ms, step.output_limit_bytes) + _words(step.argv)

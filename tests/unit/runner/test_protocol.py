import struct

import pytest

from runner.sandbox.interface import SourceFile
from runner.sandbox.protocol import (
    Cause,
    FrameReader,
    Step,
    decode_step_report,
    encode_fork_server,
    encode_job,
)


def frame(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content)) + content


def test_a_job_is_one_frame_with_its_fields_in_order() -> None:
    job = encode_job(
        uid=7,
        scrub=True,
        files=[SourceFile("a/b.txt", b"x\0y")],
        stdin=b"in",
        environment=["A=1"],
        steps=[Step(("run", "it"), 100, 2048)],
    )

    fields = b"".join(
        [
            frame(b"u", struct.pack(">IB", 7, 1)),
            frame(b"f", b"a/b.txt\0x\0y"),
            frame(b"i", b"in"),
            frame(b"e", b"A=1\0"),
            frame(b"s", struct.pack(">II", 100, 2048) + b"run\0it\0"),
        ]
    )
    assert job == frame(b"J", fields)


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_frames_are_put_together_from_pieces_of_any_size(piece: int) -> None:
    stream = frame(b"O", b"hello") + frame(b"H", b"") + frame(b"E", b"x" * 300)
    reader = FrameReader()

    seen = [
        found
        for start in range(0, len(stream), piece)
        for found in reader.feed(stream[start : start + piece])
    ]

    assert seen == [(b"O", b"hello"), (b"H", b""), (b"E", b"x" * 300)]


def test_a_step_report_reads_back_what_the_agent_packs() -> None:
    content = struct.pack(">BBiIIIQQQ", 2, 0b10, 0, 9, 1, 3, 1_000, 2_000, 512)

    report = decode_step_report(content)

    assert report.cause is Cause.OUTPUT_LIMIT
    assert (report.stdout_truncated, report.stderr_truncated) == (False, True)
    assert (report.exit_code, report.signal, report.oom_kills, report.others) == (0, 9, 1, 3)
    assert (report.wall_us, report.cpu_us, report.peak_kb) == (1_000, 2_000, 512)


def test_a_report_of_another_size_is_refused() -> None:
    with pytest.raises(struct.error):
        decode_step_report(b"short")


def test_a_fork_server_is_its_program_the_vector_it_is_for_and_an_environment() -> None:
    server = encode_fork_server("/server", ["run", "it"], ["A=1", "B=2"])

    fields = frame(b"e", b"A=1\0B=2\0") + frame(b"a", b"/server\0run\0it\0")
    assert server == frame(b"P", fields)

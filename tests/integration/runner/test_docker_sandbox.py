import dataclasses
from collections.abc import Iterator

import pytest

from runlet.execution import Reason
from runlet.languages import LANGUAGES
from runner.sandbox.interface import SandboxUnavailableError, SourceFile
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed, open_test_bed

SHORT = dataclasses.replace(DEFAULT_LIMITS, time_limit_ms=500)


@pytest.fixture(scope="module", params=[1, 100], ids=["fresh", "reused"])
def bed(request: pytest.FixtureRequest) -> Iterator[TestBed]:
    with open_test_bed(request.param) as bed:
        yield bed


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_passes_its_self_test(bed: TestBed, language: str) -> None:
    self_test = LANGUAGES[language].self_test

    outcome = bed.run(self_test.source, language, stdin=self_test.stdin)

    assert (outcome.reason, outcome.result.stderr) == (None, "")
    assert outcome.result.stdout == self_test.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_runs(bed: TestBed, language: str) -> None:
    outcome = bed.run(LANGUAGES[language].template, language)

    assert (outcome.reason, outcome.result.stdout) == (None, "Hello World\n")


def test_the_exit_code_comes_back(bed: TestBed) -> None:
    outcome = bed.run("import sys; sys.exit(3)")

    assert (outcome.reason, outcome.result.exit_code) == (Reason.NONZERO_EXIT, 3)


def test_a_program_past_its_time_is_ended_and_what_it_printed_is_kept(bed: TestBed) -> None:
    outcome = bed.run("print('so far')\nwhile True: pass", limits=SHORT)

    assert outcome.reason is Reason.TIME_LIMIT
    assert outcome.result.stdout == "so far\n"
    assert outcome.result.execution_time_ms is not None
    assert SHORT.time_limit_ms <= outcome.result.execution_time_ms < DEFAULT_LIMITS.time_limit_ms


def test_a_program_past_its_memory_is_told_apart_from_a_crash(bed: TestBed) -> None:
    outcome = bed.run("blocks = [bytearray(10**6) for _ in range(10**4)]")

    assert outcome.reason is Reason.MEMORY_LIMIT


def test_a_program_with_a_memory_limit_of_its_own_gets_just_that(bed: TestBed) -> None:
    needs_100_mb = "block = bytearray(100 * 2**20); print(len(block))"

    enough = bed.run(needs_100_mb)
    too_little = bed.run(
        needs_100_mb, limits=dataclasses.replace(DEFAULT_LIMITS, memory_limit_mb=64)
    )

    assert (enough.reason, too_little.reason) == (None, Reason.MEMORY_LIMIT)


def test_a_program_past_its_output_is_ended_and_what_fits_is_kept(bed: TestBed) -> None:
    limits = dataclasses.replace(DEFAULT_LIMITS, output_limit_bytes=2048)

    outcome = bed.run("while True: print('x' * 99)", limits=limits)

    assert outcome.reason is Reason.OUTPUT_LIMIT
    assert outcome.result.stdout_truncated
    assert len(outcome.result.stdout) == 2048


def test_a_crash_names_its_signal(bed: TestBed) -> None:
    outcome = bed.run("import os; os.kill(os.getpid(), 11)")

    assert (outcome.reason, outcome.result.signal) == (Reason.SIGNAL, 11)


def test_input_arguments_and_files_arrive(bed: TestBed) -> None:
    source = (
        "import sys, pathlib\n"
        "print(sys.stdin.read(), sys.argv[1:])\n"
        "print(pathlib.Path('data/deep/blob').read_bytes())\n"
    )

    outcome = bed.run(
        source,
        stdin="two\nlines",
        args=("a b", "c"),
        files=(SourceFile("data/deep/blob", b"\x00\xff"),),
    )

    assert outcome.result.stdout == "two\nlines ['a b', 'c']\nb'\\x00\\xff'\n"


def test_processes_left_behind_are_dead_and_files_are_gone_for_the_next_program(
    bed: TestBed,
) -> None:
    leaver = (
        "import subprocess, os\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "os.makedirs('a/b/c'); open('a/b/c/f', 'w').close(); os.chmod('a/b', 0)\n"
        "open('/dev/shm/left', 'w').close(); open('/tmp/left', 'w').close()\n"
    )
    looker = (
        "import os\ndef owner(p):\n"
        "  try: return os.stat('/proc/' + p).st_uid\n"
        "  except FileNotFoundError: return 0\n"
        "print(len([p for p in os.listdir('/proc') if p.isdigit() and owner(p) != 0]),"
        " sorted(os.listdir('/tmp')), os.listdir('/dev/shm'), os.listdir('.'))\n"
    )

    left = bed.run(leaver)
    for _ in range(2):
        seen = bed.run(looker)
        assert left.reason is None
        assert seen.result.stdout == "1 ['work'] [] ['main.py']\n"


def test_there_is_no_network_no_capability_and_no_way_to_more_rights(bed: TestBed) -> None:
    source = (
        "import socket\n"
        "status = dict(line.split(':\\t', 1) for line in open('/proc/self/status'))\n"
        "print(status['CapEff'].strip(), status['NoNewPrivs'].strip(), status['Seccomp'].strip())\n"
        "print(socket.if_nameindex())\n"
    )

    outcome = bed.run(source)

    assert outcome.result.stdout == "0000000000000000 1 2\n[(1, 'lo')]\n"


def test_nothing_outside_the_scratch_space_can_be_written(bed: TestBed) -> None:
    source = (
        "import os\n"
        "found = []\n"
        "for place in ['/', '/etc', '/usr', '/var/tmp', '/run', '/home', '/root', '/dev',"
        " '/dev/mqueue', '/sys', '/proc/sys/kernel']:\n"
        "    try:\n"
        "        open(os.path.join(place, 'x'), 'w').close(); found.append(place)\n"
        "    except OSError:\n"
        "        pass\n"
        "print(found)\n"
    )

    assert bed.run(source).result.stdout == "[]\n"


def test_every_run_has_a_user_id_of_its_own(bed: TestBed) -> None:
    ask = "import os; print(os.getuid(), os.getgid(), os.getgroups())"

    first, second = bed.run(ask).result.stdout, bed.run(ask).result.stdout

    assert first != second
    assert not first.startswith("0 ")
    assert first.endswith("[]\n")


def test_an_image_that_is_not_there_is_a_fault_of_the_platform(bed: TestBed) -> None:
    missing = dataclasses.replace(LANGUAGES["python"], id="missing")

    with pytest.raises(SandboxUnavailableError):
        bed.pool.acquire(missing)

"""Attacks on the fork server, its loss, and what a fork could have inherited."""

from collections.abc import Iterator

import pytest

from support.sandboxes.hostile import FIND_SERVER, Attack, endure
from support.sandboxes.sandboxes import TestBed, open_test_bed

ASK_FOR_SERVER = FIND_SERVER + "print(server)"
SIGNALS = FIND_SERVER + (
    "done = []\n"
    "for pid in found:\n"
    "  for n in range(65):\n"
    "    try: os.kill(pid, n); done.append(n)\n"
    "    except OSError: pass\n"
    "print(done)"
)
MEMORY_AND_DESCRIPTORS = FIND_SERVER + (
    "opened = []\n"
    "for pid in found:\n"
    "  for name in ('mem', 'environ', 'maps', 'smaps', 'stack', 'syscall', 'auxv', 'io', 'fd',"
    " 'root', 'cwd', 'exe', 'map_files', 'fdinfo', 'ns/net', 'pagemap', 'personality'):\n"
    "    path = f'/proc/{pid}/{name}'\n"
    "    try:\n"
    "      os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(1)\n"
    "      opened.append(name)\n"
    "    except OSError: pass\n"
    "  for name in ('mem', 'oom_score_adj', 'comm', 'clear_refs', 'coredump_filter'):\n"
    "    try: os.close(os.open(f'/proc/{pid}/{name}', os.O_WRONLY)); opened.append(name)\n"
    "    except OSError: pass\n"
    "print(opened)"
)
SYSCALLS = FIND_SERVER + (
    "import ctypes\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def tried(name, number, *arguments):\n"
    "  if libc.syscall(number, *arguments) >= 0: print('succeeded:', name)\n"
    "buffer = ctypes.create_string_buffer(256)\n"
    "iov = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)\n"
    "code = (ctypes.c_void_p * 2)(0x400000, 8)\n"
    "for pid in found:\n"
    "  tried('ptrace attach', 101, 16, pid, 0, 0)\n"
    "  tried('ptrace seize', 101, 0x4206, pid, 0, 0)\n"
    "  tried('process_vm_readv', 310, pid, iov, 1, code, 1, 0)\n"
    "  tried('process_vm_writev', 311, pid, iov, 1, code, 1, 0)\n"
    "  tried('kcmp', 312, os.getpid(), pid, 0, 0, 0)\n"
    "  tried('setpriority', 141, 0, pid, 19)\n"
    "  tried('sched_setaffinity', 203, pid, 8, buffer)\n"
    "  tried('prlimit', 302, pid, 7, buffer, 0)\n"
    "  tried('migrate_pages', 256, pid, 1, buffer, buffer)\n"
    "  tried('setpgid', 109, pid, pid)\n"
    "  pidfd = libc.syscall(434, pid, 0)\n"
    "  for n in range(8): tried('pidfd_getfd', 438, pidfd, n, 0)\n"
    "  tried('pidfd_send_signal', 424, pidfd, 9, 0, 0)\n"
    "print('tried')"
)
ATTACKS = [
    Attack("signals to the fork server", {None}, SIGNALS, says=r"^\[\]$"),
    Attack("looking into the fork server", {None}, MEMORY_AND_DESCRIPTORS, says=r"^\[\]$"),
    Attack("system calls on the fork server", {None}, SYSCALLS, says=r"^tried$"),
]

# Finds the marker of an earlier run, which it does not contain itself.
SCAN = (
    "import re\n"
    "marker, found = re.compile(b'mark[-]of[-]a[-]run'), 0\n"
    "memory = open('/proc/self/mem', 'rb', 0)\n"
    "for line in open('/proc/self/maps'):\n"
    "  begin, end = (int(n, 16) for n in line.split()[0].split('-'))\n"
    "  if line.split()[1][0] != 'r': continue\n"
    "  try: memory.seek(begin); found += len(marker.findall(memory.read(end - begin)))\n"
    "  except (OSError, OverflowError): pass\n"
    "print(found)\n"
)
SECRETIVE = (
    "import sys\n"
    "held = [sys.stdin.read(), sys.argv, open('main.py').read()]\n"
    "print(held); print('mark-of-a-run', file=sys.stderr)\n"
)


@pytest.fixture(scope="module")
def reused() -> Iterator[TestBed]:
    with open_test_bed(100) as bed:
        yield bed


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_fork_server_is_out_of_reach(bed: TestBed, attack: Attack) -> None:
    endure(bed, attack)


def test_a_run_inherits_nothing_of_the_runs_before_it(reused: TestBed) -> None:
    for _ in range(5):
        earlier = reused.run(SECRETIVE, stdin="mark-of-a-run" * 1000, args=("mark-of-a-run",))
        before = reused.pool.last_acquired.name
        later = reused.run(SCAN)

        assert earlier.reason is None
        assert (later.reason, later.result.stdout) == (None, "0\n")
        assert reused.pool.last_acquired.name == before


def test_the_search_finds_what_is_there(reused: TestBed) -> None:
    found = reused.run(SCAN, stdin="", args=("mark-of-a-run",)).result.stdout
    assert int(found) > 0


def test_a_fork_server_survives_the_runs_it_forks(reused: TestBed) -> None:
    assert reused.run(ASK_FOR_SERVER).result.stdout == reused.run(ASK_FOR_SERVER).result.stdout


def test_without_its_fork_server_a_container_serves_once_more(reused: TestBed) -> None:
    server = reused.run(ASK_FOR_SERVER).result.stdout.strip()
    container = reused.pool.last_acquired.name
    in_container(reused, f"kill -KILL {server}")

    last = reused.run("print(42)")

    assert (last.reason, last.result.stdout) == (None, "42\n")
    assert reused.pool.last_acquired.name == container
    assert reused.run("print(42)").result.stdout == "42\n"
    assert reused.pool.last_acquired.name != container


def test_a_fork_server_that_stands_still_is_given_up(reused: TestBed) -> None:
    server = reused.run(ASK_FOR_SERVER).result.stdout.strip()
    container = reused.pool.last_acquired.name
    in_container(reused, f"kill -STOP {server}")

    by_spare, started = (
        reused.run("import os\nprint(os.readlink('/proc/self/exe'))") for _ in "ab"
    )

    assert (by_spare.reason, by_spare.result.stdout) == (None, "/usr/lib/runlet/python-server\n")
    assert (started.reason, started.result.stdout) == (None, "/usr/bin/python3.11\n")
    assert reused.pool.last_acquired.name == container
    assert reused.run("print(42)").result.stdout == "42\n"
    assert reused.pool.last_acquired.name != container


def test_a_spare_that_is_lost_is_made_again(reused: TestBed) -> None:
    ask = FIND_SERVER + "print(spare)"
    spare = reused.run(ask).result.stdout.strip()
    container = reused.pool.last_acquired.name
    in_container(reused, f"kill -KILL {spare}; until ! [ -e /proc/{spare}/exe ]; do :; done")

    for _ in range(3):
        outcome = reused.run(ask)

        assert (outcome.reason, outcome.result.stdout.strip()) not in [(None, ""), (None, spare)]
        assert reused.pool.last_acquired.name == container


def test_a_program_that_takes_all_processes_takes_no_spare(reused: TestBed) -> None:
    full = (
        "import os, time\ntry:\n  while os.fork(): pass\n  time.sleep(60)\n"
        "except OSError: print('full')"
    )
    for _ in range(3):
        assert reused.run(full).result.stdout == "full\n"
        assert reused.run("print(42)").result.stdout == "42\n"


def test_a_run_goes_on_when_its_fork_server_dies(reused: TestBed) -> None:
    server = reused.run(ASK_FOR_SERVER).result.stdout.strip()
    container = reused.pool.last_acquired.name
    program = (
        "import os, time\n"
        "open('/tmp/began', 'w').close()\n"
        f"while os.path.exists('/proc/{server}'): time.sleep(0.01)\n"
        "print('went on')"
    )
    killer = (
        f"(until [ -e /tmp/began ]; do sleep 0.05; done; kill -KILL {server})"
        " >/dev/null 2>&1 </dev/null &"
    )
    in_container(reused, killer)

    outcome = reused.run(program)

    assert (outcome.reason, outcome.result.stdout) == (None, "went on\n")
    assert reused.pool.last_acquired.name == container
    assert reused.run("print(42)").result.stdout == "42\n"
    assert reused.pool.last_acquired.name != container


def in_container(bed: TestBed, script: str) -> None:
    container = bed.pool.client.containers.get(bed.pool.last_acquired.name)
    assert container.exec_run(["sh", "-c", script]).exit_code == 0

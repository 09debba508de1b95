"""Taking all there is: processes, memory, disk, output, time."""

import pytest

from runlet.execution import Reason
from support.sandboxes.hostile import FIND_SERVER, LIMITS, Attack, endure
from support.sandboxes.sandboxes import TestBed

MEMORY = Reason.MEMORY_LIMIT
OUTPUT = Reason.OUTPUT_LIMIT
TIME = Reason.TIME_LIMIT
EXIT = Reason.NONZERO_EXIT

ATTACKS = [
    Attack("fork bomb", {TIME, EXIT, MEMORY, Reason.SIGNAL}, "import os\nwhile True: os.fork()"),
    Attack(
        "patient fork bomb",
        {TIME},
        "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
    ),
    Attack("fork bomb in ruby", {TIME, EXIT}, "loop { fork { loop {} } }", language="ruby"),
    Attack(
        "fork bomb in c",
        {TIME},
        "#include <unistd.h>\nint main(void) { for (;;) fork(); }",
        language="c",
    ),
    Attack(
        "thread bomb",
        {TIME, EXIT},
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()",
    ),
    Attack(
        "processes counted",
        {None},
        # The next run's process counts too, once it is there.
        FIND_SERVER + "import time\nn = 0\n"
        "try:\n"
        "  while True:\n"
        "    if os.fork() == 0: time.sleep(60)\n"
        "    n += 1\n"
        "except OSError: print(n)",
        says=r"^63$",
    ),
    Attack("memory at once", {MEMORY, EXIT}, "x = bytearray(2**30)\nprint(len(x))"),
    Attack("memory in steps", {MEMORY}, "x = []\nwhile True: x.append(bytearray(2**20))"),
    Attack(
        "memory in many processes",
        {MEMORY, TIME, None},
        "import os\nfor _ in range(20):\n  if os.fork() == 0:\n    x = bytearray(20 * 2**20)\n"
        "    while True: x[::4096] = x[::4096]\n"
        "for _ in range(20): os.wait()",
    ),
    Attack(
        "memory in javascript",
        {MEMORY, Reason.SIGNAL, EXIT},
        "const x = []; for (;;) x.push(Buffer.alloc(1 << 20, 1));",
        language="javascript",
    ).with_limits(time_limit_ms=5000),
    Attack(
        "disk filled",
        {None},
        "n = 0\n"
        "try:\n"
        "  with open('big', 'wb') as f:\n"
        "    while True: n += f.write(bytes(2**20))\n"
        "except OSError: print(n // 2**20)",
        says=r"^6[0-4]$",
    ),
    Attack(
        "disk filled beyond the memory",
        {MEMORY},
        "with open('big', 'wb') as f:\n  while True: f.write(bytes(2**20))",
    ).with_limits(memory_limit_mb=32),
    Attack(
        "inodes filled",
        {None, TIME},
        "import itertools\n"
        "try:\n"
        "  for n in itertools.count(): open(str(n), 'w').close()\n"
        "except OSError: print(n)",
    ).with_limits(time_limit_ms=4000),
    Attack(
        "directories without end",
        {None, TIME, EXIT, MEMORY},
        "import os\nwhile True:\n  os.mkdir('d' * 200); os.chdir('d' * 200)",
    ),
    Attack(
        "output flood",
        {OUTPUT},
        "import sys\nwhile True: sys.stdout.write('x' * 9999)",
        says=r"^x{65536}$",
    ),
    Attack(
        "output flood on both streams",
        {OUTPUT},
        "import os\nwhile True: os.write(1, b'o' * 999); os.write(2, b'e' * 999)",
    ),
    Attack(
        "output flood by children",
        {OUTPUT},
        "import os\nfor _ in range(5): os.fork()\nwhile True: os.write(1, b'x' * 4096)",
    ),
    Attack("sleep beyond the limit", {TIME}, "import time; time.sleep(3600)"),
    Attack("busy loop", {TIME}, "while True: pass"),
    Attack(
        "all cores in go",
        {TIME},
        "package main\n\nfunc main() {\n"
        "\tfor i := 0; i < 32; i++ {\n\t\tgo func() { for { } }()\n\t}\n"
        "\tselect {}\n}\n",
        language="go",
    ),
    Attack(
        "all cores in java",
        {TIME},
        "public class Main { public static void main(String[] a) {\n"
        "  for (int i = 0; i < 16; i++) new Thread(() -> { while (true) { } }).start(); } }\n",
        language="java",
    ).with_limits(memory_limit_mb=512),
    Attack("waiting for input that never comes", {None, EXIT}, "import sys; sys.stdin.read()"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_taking_all_there_is_costs_only_the_taker(bed: TestBed, attack: Attack) -> None:
    endure(bed, attack)


def test_output_that_is_no_text_is_made_text(bed: TestBed) -> None:
    attack = Attack(
        "binary output",
        {None},
        "import os\nos.write(1, bytes(range(256)) * 4); os.write(2, b'\\xf0\\x9f\\0')",
    )

    result = endure(bed, attack).result

    assert "\0" not in result.stdout + result.stderr
    assert result.stdout.startswith("�\x01")
    assert result.stderr.endswith("�")


def test_both_streams_of_a_flood_keep_what_fits(bed: TestBed) -> None:
    attack = Attack(
        "both streams",
        {OUTPUT},
        "import os\nos.write(2, b'e' * 1000)\nwhile True: os.write(1, b'o' * 1000)",
    )

    result = endure(bed, attack).result

    assert (len(result.stdout), len(result.stderr)) == (65_536, 1000)
    assert (result.stdout_truncated, result.stderr_truncated) == (True, False)


def test_more_cores_buy_no_more_cpu_time(bed: TestBed) -> None:
    attack = Attack(
        "two busy threads",
        {TIME},
        "package main\n\nfunc main() {\n\tgo func() { for { } }()\n\tfor { }\n}\n",
        language="go",
    )

    cpu_time_ms = endure(bed, attack).result.cpu_time_ms

    assert cpu_time_ms is not None
    assert cpu_time_ms < LIMITS.time_limit_ms * 1.25

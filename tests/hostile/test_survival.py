"""Trying to outlive the run: children that hide, signals, closed streams, things left behind."""

import pytest

from runlet.execution import Reason
from runner.containers.engine import name_of
from support.sandboxes.hostile import LIMITS, Attack, endure
from support.sandboxes.sandboxes import TestBed
from support.wait_until import eventually

TIME = Reason.TIME_LIMIT

DAEMON = (
    "import os, time\n"
    "if os.fork() == 0:\n"
    "  os.setsid()\n"
    "  if os.fork() == 0:\n"
    "    os.closerange(0, 3)\n"
    "    while True: time.sleep(1)\n"
    "  os._exit(0)\n"
    "os.wait(); print('left')"
)
STOPPED = (
    "import os, signal, time\n"
    "pid = os.fork()\n"
    "if pid == 0:\n"
    "  os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)\n"
    "time.sleep(0.1); print('left')"
)
HIDDEN = (
    "import ctypes, os, time\n"
    "if os.fork() == 0:\n"
    "  ctypes.CDLL(None).prctl(4, 0); os.setsid(); os.closerange(0, 3)\n"
    "  while True: time.sleep(1)\n"
    "time.sleep(0.1); print('left')"
)
SLOWING = (
    "import os\n"
    "if os.fork() == 0:\n"
    "  os.setsid()\n"
    "  while True:\n"
    "    try: os.setpriority(0, 1, 19)\n"
    "    except OSError: pass\n"
    "print('left')"
)
DEAF = (
    "import signal, time\n"
    "for n in range(1, 65):\n"
    "  try: signal.signal(n, signal.SIG_IGN)\n"
    "  except (OSError, ValueError): pass\n"
    "print('deaf', flush=True)\n"
    "while True: time.sleep(1)"
)
SIGNALS = (
    "import os, signal\n"
    "done = []\n"
    "for n in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL, signal.SIGUSR1, signal.SIGSEGV):\n"
    "  try: os.kill(1, n); done.append(n)\n"
    "  except PermissionError: pass\n"
    "print(done)"
)
SERVER = (
    "import os, socket\n"
    "s = socket.create_server(('127.0.0.1', 5555))\n"
    "u = socket.socket(socket.AF_UNIX); u.bind('\\0left'); u.listen()\n"
    "if os.fork() == 0:\n"
    "  os.setsid()\n"
    "  while True: s.accept()\n"
    "print('left')"
)
CONNECTIONS = (
    "import socket\n"
    "server = socket.create_server(('127.0.0.1', 5556))\n"
    "for _ in range(5):\n"
    "  client = socket.create_connection(('127.0.0.1', 5556))\n"
    "  peer, _ = server.accept(); client.close(); peer.close()\n"
    "print('left')"
)
PROTECTED_FILES = (
    "import os\n"
    "os.makedirs('/tmp/a/b/c')\n"
    "for place in ('/tmp/a/b/c/f', '/tmp/f', '/dev/shm/f', 'f'): open(place, 'w').close()\n"
    "os.symlink('/etc', '/tmp/link'); os.mkfifo('/tmp/fifo'); os.link('f', '/tmp/hard')\n"
    "for place in ('/tmp/a/b/c/f', '/tmp/a/b/c', '/tmp/a/b', '/tmp/a', '/tmp/f', '.'):\n"
    "  os.chmod(place, 0)\n"
    "print('left')"
)
ODD_NAMES = (
    "import os\n"
    "for name in (b'\\xff\\xfe', b'new\\nline', b'-rf', b' ', b'x' * 255, b'.scrub-0'):\n"
    "  open(b'/tmp/' + name, 'w').close(); os.makedirs(b'/tmp/d/' + name)\n"
    "print('left')"
)
DEEP = (
    "import os\n"
    "for _ in range(4000): os.mkdir('d'); os.chdir('d'); open('f', 'w').close()\n"
    "print('left')"
)

ATTACKS = [
    Attack("daemon", {None}, DAEMON, says="left"),
    Attack("child that is not dumpable", {None}, HIDDEN, says="left"),
    Attack("child that would slow process 1", {None}, SLOWING, says="left"),
    Attack("stopped child", {None}, STOPPED, says="left"),
    Attack("deaf to every signal", {TIME}, DEAF, says="deaf"),
    Attack("signals to process 1", {None}, SIGNALS, says=r"^\[\]$"),
    Attack(
        "signal to everybody",
        {None},
        "import os, signal\n"
        "before = os.listdir('/proc')\n"
        "os.kill(-1, signal.SIGKILL)\n"
        "print(before == os.listdir('/proc'))",
        says=r"^True$",
    ),
    Attack("stop of itself", {TIME}, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
    Attack("stop of its group", {TIME}, "import os, signal\nos.killpg(0, signal.SIGSTOP)"),
    Attack(
        "closed streams",
        {TIME},
        "import os\nos.close(1); os.close(2)\nwhile True: pass",
    ),
    Attack("closed streams and an end", {None}, "import os\nos.close(1); os.close(2); os._exit(0)"),
    Attack("servers left behind", {None}, SERVER, says="left"),
    Attack("connections left behind", {None}, CONNECTIONS, says="left"),
    Attack("files without permissions", {None}, PROTECTED_FILES, says="left"),
    Attack("files with odd names", {None}, ODD_NAMES, says="left"),
    Attack("a deep tree", {None}, DEEP, says="left"),
    Attack(
        "files held open and deleted",
        {None},
        "import os\n"
        "f = open('big', 'wb'); f.write(bytes(30 * 2**20)); f.flush(); os.unlink('big')\n"
        "if os.fork() == 0:\n  os.setsid()\n  while True: pass\nprint('left')",
        says="left",
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nothing_outlives_its_run(bed: TestBed, attack: Attack) -> None:
    endure(bed, attack)


def test_a_frozen_container_is_the_platforms_fault_and_is_removed(bed: TestBed) -> None:
    frozen = bed.run_frozen("import time; time.sleep(60)", LIMITS)

    assert "did not report in time" in str(frozen.fault)
    assert len(frozen.container_names) == 2
    eventually(lambda: not set(frozen.container_names) & set(map(name_of, bed.engine.sandboxes())))

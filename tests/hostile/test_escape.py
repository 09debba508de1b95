"""Trying to get out, up, or into somebody else's things."""

from pathlib import Path

import pytest

from runlet.execution import Reason
from support.sandboxes.hostile import Attack, endure
from support.sandboxes.sandboxes import TestBed

SYSCALLS = (
    "import ctypes, os\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def tried(name, number, *arguments):\n"
    "  if libc.syscall(number, *arguments) >= 0: print('succeeded:', name)\n"
    "buffer = ctypes.create_string_buffer(256)\n"
    "NEWUSER, NEWNET, NEWNS = 0x10000000, 0x40000000, 0x20000\n"
    "for flag in (NEWUSER, NEWNET, NEWNS): tried('unshare', 272, flag)\n"
    "tried('mount', 165, b'none', b'/tmp', b'tmpfs', 0, 0)\n"
    "tried('umount', 166, b'/proc', 2)\n"
    "tried('remount', 165, b'none', b'/', b'', 32, 0)\n"
    "tried('chroot', 161, b'/tmp')\n"
    "tried('pivot_root', 155, b'/tmp', b'/tmp')\n"
    "tried('bpf', 321, 5, buffer, 120)\n"
    "tried('io_uring_setup', 425, 8, buffer)\n"
    "tried('ptrace attach', 101, 16, 1, 0, 0)\n"
    "tried('process_vm_readv', 310, 1, buffer, 1, buffer, 1, 0)\n"
    "tried('add_key', 248, b'user', b'name', b'secret', 6, -3)\n"
    "tried('keyctl', 250, 0, -3, 1)\n"
    "tried('request_key', 249, b'user', b'name', 0, -3)\n"
    "tried('perf_event_open', 298, buffer, 0, -1, -1, 0)\n"
    "tried('userfaultfd', 323, 0)\n"
    "tried('init_module', 175, buffer, 1, b'')\n"
    "tried('kexec_load', 246, 0, 0, 0, 0)\n"
    "tried('reboot', 169, 0xfee1dead, 672274793, 0, 0)\n"
    "tried('sethostname', 170, b'x', 1)\n"
    "tried('settimeofday', 164, buffer, 0)\n"
    "tried('setuid', 105, 0)\n"
    "tried('setgid', 106, 0)\n"
    "tried('setns', 308, 0, 0)\n"
    "tried('open_by_handle_at', 304, 0, buffer, 0)\n"
    "tried('mknod', 133, b'/tmp/disk', 0o60666, 0x800)\n"
    "tried('shmget', 29, 1, 4096, 0o1666)\n"
    "tried('semget', 64, 1, 1, 0o1666)\n"
    "tried('msgget', 68, 1, 0o1666)\n"
    "tried('mq_open', 240, b'left', 0o102, 0o666, 0)\n"
    "tried('setpriority', 141, 0, 0, -5)\n"
    "tried('acct', 163, b'/tmp/acct')\n"
    "tried('swapon', 167, b'/tmp/swap', 0)\n"
    "tried('syslog', 103, 3, buffer, 256)\n"
    "print('tried')"
)
AGENT = (
    "import os\n"
    "found = []\n"
    "for name in ('mem', 'environ', 'maps', 'stack', 'syscall', 'auxv', 'io', 'fd', 'root', 'cwd',"
    " 'exe', 'map_files', 'fdinfo', 'ns/net'):\n"
    "  path = '/proc/1/' + name\n"
    "  try:\n"
    "    os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(1)\n"
    "    found.append(name)\n"
    "  except OSError: pass\n"
    "for n in range(64):\n"
    "  try: open(f'/proc/1/fd/{n}', 'wb').write(b'forged'); found.append(n)\n"
    "  except OSError: pass\n"
    "print(found)"
)
WRITES = (
    "import os\n"
    "found = []\n"
    "for line in open('/proc/self/mountinfo'):\n"
    "  place = line.split()[4]\n"
    "  paths = [os.path.join(place, 'left')] if os.path.isdir(place) else [place]\n"
    "  for path in paths:\n"
    "    try: open(path, 'w').close(); found.append(place)\n"
    "    except OSError: pass\n"
    "print(sorted(found))"
)
ENVIRONMENT = (
    "import os\n"
    "print(sorted(set(os.environ) - {'PATH', 'HOME', 'TMPDIR', 'LANG', 'PYTHONUNBUFFERED',"
    " 'PYTHONDONTWRITEBYTECODE', 'LC_CTYPE'}))"
)
DESCRIPTORS = (
    "import os\n"
    "own = os.open('/proc/self/fd', os.O_RDONLY)\n"
    "print(sorted(int(n) for n in os.listdir(own) if int(n) not in (own, own + 1)))"
)
SET_UID = (
    "import pathlib, subprocess\n"
    "programs = [str(p) for folder in ('/bin', '/usr/bin', '/usr/sbin', '/usr/lib') for p in"
    " pathlib.Path(folder).rglob('*') if p.is_file() and p.stat().st_mode & 0o6000]\n"
    "users = set()\n"
    "for program in programs:\n"
    "  started = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=-3, stderr=-3)\n"
    "  lines = open(f'/proc/{started.pid}/status').readlines()\n"
    "  users |= {n for line in lines if line[:4] in ('Uid:', 'Gid:') for n in line.split()[1:]}\n"
    "print(len(programs) > 0, '0' in users)"
)
NETWORK = (
    "import socket\n"
    "reached = []\n"
    "for address in [('192.0.2.1', 80), ('169.254.169.254', 80), ('172.17.0.1', 2375),"
    " ('127.0.0.1', 5672), ('127.0.0.1', 8080), ('127.0.0.1', 5555)]:\n"
    "  s = socket.socket(); s.settimeout(0.2)\n"
    "  try: s.connect(address); reached.append(address)\n"
    "  except OSError: pass\n"
    "for name in ('rabbitmq', 'postgres', 'gateway', 'localhost.localdomain'):\n"
    "  try: socket.getaddrinfo(name, 80); reached.append(name)\n"
    "  except OSError: pass\n"
    "for kind in (socket.SOCK_RAW,):\n"
    "  try: socket.socket(socket.AF_INET, kind, 1); reached.append('raw')\n"
    "  except OSError: pass\n"
    "print(reached, [name for _, name in socket.if_nameindex()])"
)
FORGERY = (
    "import os, struct\n"
    "frame = b'S' + struct.pack('>I', 38) + bytes(38) + b'D' + struct.pack('>I', 1) + b'\\1'\n"
    "os.write(1, frame)\n"
    "for n in range(3, 64):\n"
    "  try: os.write(n, frame)\n"
    "  except OSError: pass\n"
    "raise SystemExit(7)"
)

ATTACKS = [
    Attack("forbidden system calls", {None}, SYSCALLS, says=r"^tried$"),
    Attack("looking into the agent", {None}, AGENT, says=r"^\[\]$"),
    Attack(
        "writing to every mount",
        {None},
        WRITES,
        says=r"^\['/dev/shm', ('/proc/[a-z_]+', )*'/tmp'\]$",
    ),
    Attack("reading the environment", {None}, ENVIRONMENT, says=r"^\[\]$"),
    Attack("inherited descriptors", {None}, DESCRIPTORS, says=r"^\[0, 1, 2\]$"),
    Attack("set-uid programs", {None}, SET_UID, says=r"^True False$"),
    Attack("the network", {None}, NETWORK, says=r"^\[\] \['lo'\]$").with_limits(time_limit_ms=8000),
    Attack("forged reports", {Reason.NONZERO_EXIT}, FORGERY),
    Attack(
        "the engine's socket",
        {None},
        "import os\n"
        "print(*(os.path.exists(folder + '/run/docker.sock') for folder in ('', '/var')))",
        says=r"^False False$",
    ),
    Attack(
        "hiding from the memory killer",
        {Reason.MEMORY_LIMIT},
        "try: open('/proc/self/oom_score_adj', 'w').write('-1000')\n"
        "except OSError: pass\n"
        "x = []\nwhile True: x.append(bytearray(2**20))",
    ),
    Attack(
        "higher limits",
        {None},
        "import resource\n"
        "raised = []\n"
        "for name in ('NPROC', 'NOFILE', 'CPU', 'MEMLOCK', 'MSGQUEUE', 'CORE'):\n"
        "  limit = getattr(resource, 'RLIMIT_' + name, 12)\n"
        "  soft, hard = resource.getrlimit(limit)\n"
        "  if hard == resource.RLIM_INFINITY: continue\n"
        "  try: resource.setrlimit(limit, (hard + 1, hard + 1)); raised.append(name)\n"
        "  except (ValueError, OSError): pass\n"
        "print(raised)",
        says=r"^\[\]$",
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_there_is_no_way_out_and_no_way_up(bed: TestBed, attack: Attack) -> None:
    endure(bed, attack)


def test_files_of_the_host_are_not_there(bed: TestBed, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host", encoding="utf-8")
    secret.chmod(0o666)

    outcome = bed.run(f"open({str(secret)!r}).read()")

    assert "FileNotFoundError" in outcome.result.stderr
    assert secret.read_text(encoding="utf-8") == "of the host"

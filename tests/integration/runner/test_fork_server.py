"""A fork of the initialised interpreter is, for the program, what starting python3 is."""

import dataclasses

import pytest

from runlet.execution import Reason
from runner.sandbox.interface import SourceFile
from support.sandboxes.forks import seen
from support.sandboxes.sandboxes import DEFAULT_LIMITS, TestBed

SHORT = dataclasses.replace(DEFAULT_LIMITS, time_limit_ms=700)

PROBES = {
    "an exception through functions": "def f(n):\n  return f(n - 1) if n else 1 / n\n\nf(3)\n",
    "an exception in an exception": (
        "try:\n  {}['a']\nexcept KeyError:\n  raise ValueError('b')\n"
    ),
    "an exception with a cause and a note": (
        "e = RuntimeError('x'); e.add_note('noted')\nraise e from OSError(2, 'gone')\n"
    ),
    "an exception group": "raise ExceptionGroup('all', [ValueError(1), TypeError(2)])\n",
    "a syntax error": "print('before')\nif True\n  pass\n",
    "an indentation error": "def f():\nreturn 1\n",
    "a null byte in the source": "print(1)\0\n",
    "a source that is not UTF-8": "# coding: latin-1\nprint(ascii('\u00e9'))\n",
    "an empty source": "",
    "an unknown encoding": "# coding: nonsense\nprint(1)\n",
    "exit without a code": "import sys; sys.exit()",
    "exit with a code": "import sys; sys.exit(300)",
    "exit with a text": "import sys; sys.exit('a text')",
    "exit by the builtin": "exit(5)",
    "exit of the process": "import os; print('lost?', end=''); os._exit(6)",
    "exit from a thread": (
        "import threading as t, sys\nx = t.Thread(target=sys.exit, args=(3,)); x.start(); x.join()"
    ),
    "the end of the program": (
        "import atexit, weakref\nclass A:\n  def __del__(self): print('deleted')\n"
        "a = A(); atexit.register(print, 'at exit'); weakref.finalize(a, print, 'finalized')\n"
        "print('end')"
    ),
    "an exception at the end": "import atexit\natexit.register(lambda: 1 / 0)\nprint('end')",
    "threads that outlive main": (
        "import threading, time\n"
        "def late(): time.sleep(0.1); print('late', threading.main_thread().name)\n"
        "threading.Thread(target=late).start()\nprint(threading.active_count())"
    ),
    "an exception in a thread": (
        "import threading as t\nx = t.Thread(target=lambda: 1 / 0, name='x'); x.start(); x.join()"
    ),
    "signals to the main thread from another": (
        "import signal, threading\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('heard'))\n"
        "main = threading.main_thread()\n"
        "t = threading.Thread(target=signal.pthread_kill, args=(main.ident, signal.SIGUSR1))\n"
        "t.start(); t.join()\n"
        "import os; print(main.native_id == os.getpid() == threading.get_native_id())"
    ),
    "ways that signals are handled": (
        "import signal\nprint([str(signal.getsignal(n)) for n in range(1, 32)],"
        " signal.pthread_sigmask(0, []))"
    ),
    "an interrupt": "import signal; signal.raise_signal(signal.SIGINT)",
    "an interrupt that is caught": (
        "import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt: print('caught')"
    ),
    "a termination": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "an abort": "import os; print('before'); os.abort()",
    "a segmentation fault": "import ctypes; print('before'); ctypes.string_at(0)",
    "a fault with its handler": (
        "import faulthandler, signal\nfaulthandler.enable()\nsignal.raise_signal(signal.SIGABRT)"
    ),
    "a broken pipe": (
        "import os\nr, w = os.pipe(); os.close(r)\ntry: os.write(w, b'x')\n"
        "except BrokenPipeError as e: print(e)"
    ),
    "recursion without end": "def f(): return f()\nf()",
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(20000)\n"
        "def f(n): return n and 1 + f(n - 1)\nprint(f(15000))"
    ),
    "input by lines": "print(repr(input())); print(repr(input('? '))); input()",
    "input in bytes": "import sys; print(sys.stdin.buffer.read(5), sys.stdin.buffer.read())",
    "input by seeking": (
        "import sys\nprint(sys.stdin.seekable(), sys.stdin.tell(), sys.stdin.read(2))\n"
        "sys.stdin.seek(0); print(sys.stdin.readlines())"
    ),
    "input by descriptor": "import os; print(os.read(0, 99), os.fstat(0).st_size)",
    "input closed": "import sys; sys.stdin.close(); input()",
    "streams as they are": (
        "import sys\n"
        "for s in (sys.stdin, sys.stdout, sys.stderr):\n"
        "  print(s, s.isatty(), s.fileno(), s.encoding, s.errors, s.line_buffering,"
        " s.write_through, s.newlines, s.seekable(), type(s.buffer), s.buffer.raw.mode"
        " if hasattr(s.buffer, 'raw') else s.buffer.mode)\n"
        "print(sys.__stdout__ is sys.stdout, sys.stdin.buffer.raw.tell())"
    ),
    "streams in turns": (
        "import os, sys\nprint('a', end=''); os.write(1, b'b'); sys.stdout.write('c')\n"
        "print('d', file=sys.stderr); sys.stdout.buffer.write(b'e'); print('f', flush=True)"
    ),
    "streams by path": (
        "open('/dev/stdout', 'w').write('one\\n'); open('/dev/stderr', 'a').write('two\\n')\n"
        "open('/proc/self/fd/1', 'w').write('three\\n'); print(open('/dev/stdin').read())"
    ),
    "closed output": "import sys, os; os.close(1); print('x')",
    "surrogates": "print('\\udc80')",
    "multiprocessing by fork": (
        "import multiprocessing as m\nif __name__ == '__main__':\n"
        "  with m.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]))"
    ),
    "multiprocessing by spawn": (
        "import multiprocessing as m\ndef double(n): return 2 * n\n"
        "if __name__ == '__main__':\n"
        "  with m.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))"
    ),
    "executors": (
        "from concurrent.futures import ThreadPoolExecutor as T\n"
        "with T(3) as t: print(list(t.map(abs, [-1, -2])))"
    ),
    "itself again": (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'import sys; print(sys.argv, sys.flags)'],"
        " capture_output=True, text=True))"
    ),
    "a child that is forked": (
        "import os, sys\npid = os.fork()\n"
        "if pid == 0: print('child', os.getppid() > 1); sys.exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "an event loop": (
        "import asyncio\nasync def f(n):\n  await asyncio.sleep(0.01); return n\n"
        "async def main(): print(await asyncio.gather(f(1), f(2)))\n"
        "asyncio.run(main())\nasync def p():\n"
        "  q = await asyncio.create_subprocess_exec('echo', 'x', stdout=-1)\n"
        "  print(await q.communicate())\nasyncio.run(p())"
    ),
    "the environment": "import os; print(dict(os.environ), os.environb, os.getenv('HOME'))",
    "the environment of the process": "print(open('/proc/self/environ').read())",
    "an environment that is changed": (
        "import os, subprocess\nos.environ['A'] = 'b'; del os.environ['HOME']\n"
        "print(subprocess.check_output(['env']))"
    ),
    "paths": (
        "import sys, os\nprint(sys.path, sys.path_importer_cache.keys(), sys.path_hooks[0],"
        " sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, sys.executable,"
        " sys._base_executable, sys.platlibdir, sys.pycache_prefix, sys._stdlib_dir, os.getcwd())"
    ),
    "arguments": "import sys; print(sys.argv, sys.orig_argv)",
    "flags": (
        "import sys\nprint(sys.flags, sys.warnoptions, sys._xoptions, sys.dont_write_bytecode,"
        " sys.getrecursionlimit(), sys.getswitchinterval(), sys.getfilesystemencoding(),"
        " sys.getfilesystemencodeerrors(), sys.getdefaultencoding(), sys.version, sys.platform,"
        " sys.hash_info, sys.int_info, sys.thread_info, sys.implementation)"
    ),
    "modules": "import sys; print(sorted(sys.modules)); print(sorted(sys.builtin_module_names))",
    "the main module": (
        "print({k: str(v).split(' at 0x')[0] for k, v in globals().items()})\n"
        "import __main__, inspect, sys\nprint(__main__.__file__, __name__, __spec__,"
        " inspect.getsource(sys.modules['__main__']), __builtins__)"
    ),
    "frames": (
        "import sys, traceback\nf, n = sys._getframe(), 0\nwhile f: f, n = f.f_back, n + 1\n"
        "print(n, traceback.extract_stack())"
    ),
    "the collector": "import gc\nprint(gc.get_threshold(), gc.get_freeze_count(), gc.isenabled())",
    "the locale": "import locale as l\nprint(l.setlocale(0), l.getlocale(), l.getencoding())",
    "user folders": (
        "import site, sysconfig\nprint(site.getusersitepackages(), site.ENABLE_USER_SITE,"
        " site.getsitepackages(), sysconfig.get_paths())"
    ),
    "limits": (
        "import resource\nprint({n: resource.getrlimit(getattr(resource, n)) for n in dir(resource)"
        " if n.startswith('RLIMIT_')})"
    ),
    "the process": (
        "import os\nm = os.umask(0); os.umask(m)\n"
        "print(oct(m), os.getcwd(), os.getppid(), os.getpgid(0) == os.getsid(0) == os.getpid(),"
        " os.getgroups(), len({*os.getresuid(), *os.getresgid()}), os.nice(0),"
        " os.sched_getaffinity(0), os.getpriority(0, 0))"
    ),
    "the status": (
        "wanted = ('Name', 'Umask', 'State', 'TracerPid', 'Groups', 'NSpid', 'Kthread', 'Threads',"
        " 'SigQ', 'SigPnd', 'ShdPnd', 'SigBlk', 'SigIgn', 'SigCgt', 'CapInh', 'CapPrm', 'CapEff',"
        " 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters',"
        " 'Speculation_Store_Bypass', 'CoreDumping', 'THP_enabled')\n"
        "for line in open('/proc/self/status'):\n"
        "  if line.split(':')[0] in wanted and 'NSpid' not in line and 'SigQ' not in line:\n"
        "    print(line, end='')"
    ),
    "what the kernel calls it": (
        "for name in ('comm', 'oom_score_adj', 'limits', 'timerslack_ns',"
        " 'loginuid', 'personality', 'coredump_filter'):\n"
        "  try: print(name, open('/proc/self/' + name).read())\n"
        "  except OSError as e: print(e)"
    ),
    "who owns its folder in proc": (
        "import os\nprint({n: (os.stat('/proc/self/' + n).st_uid == os.getuid())"
        " for n in ('mem', 'maps', 'fd', 'environ', 'status')})"
    ),
    "open descriptors": (
        "import os\nown = os.open('/proc/self/fd', os.O_RDONLY)\n"
        "print({n: os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in sorted(os.listdir(own))"
        " if int(n) != own and os.path.lexists(f'/proc/self/fd/{n}')}, own)\n"
        "import fcntl\nprint([(fcntl.fcntl(n, fcntl.F_GETFL), fcntl.fcntl(n, fcntl.F_GETFD))"
        " for n in (0, 1, 2)], [os.fstat(n).st_mode for n in (0, 1, 2)])"
    ),
    "core dumps and traces": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "print([libc.prctl(option, 0, 0, 0, 0) for option in (3, 7, 27, 39)])"
    ),
    "the C library": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.getpid() == libc.gettid(),"
        " ctypes.pythonapi.Py_IsInitialized(), libc.raise_ is None if 0 else 1)\n"
        "libc.printf(b'by C\\n'); print('by Python')"
    ),
    "extension modules": (
        "import ctypes, decimal, json, lzma, sqlite3, ssl, zlib, hashlib, bz2, uuid, curses, dbm\n"
        "print(decimal.Decimal(1) / 3, zlib.crc32(b'x'), sqlite3.connect(':memory:').execute("
        "'select 1').fetchall(), hashlib.sha256(b'x').hexdigest())"
    ),
    "CPU time": "import time; print(time.process_time() < 0.5, time.thread_time() < 0.5)",
    "a file of the program": "import helper; print(helper.__file__, helper.NAME)",
    "a file that shadows a module": "import random; print(random.__file__, random.NAME)",
    "packages of the program": "import package.inner as i; print(i.__file__, i.__package__)",
    "the folder afterwards": "import helper, os; print(sorted(os.listdir()), os.stat('.').st_mode)",
    "modules of the folder": "import sys, runpy; runpy.run_module('helper'); print(sys.path[0])",
    "files that are made": (
        "import os, tempfile\nopen('made', 'w').close(); os.mkdir('folder')\n"
        "print(oct(os.stat('made').st_mode), oct(os.stat('folder').st_mode), tempfile.gettempdir())"
    ),
}
FILES = (
    SourceFile("helper.py", b"NAME = 'helper'\n"),
    SourceFile("random.py", b"NAME = 'not the library'\n"),
    SourceFile("package/__init__.py", b""),
    SourceFile("package/inner.py", b""),
)
ARGUMENTS = ("plain", "", "-c", "--flag=x", "\u00e4\u4e16\U0001f600", "two words")


@pytest.mark.parametrize("probe", PROBES)
def test_a_program_cannot_tell_a_fork_from_a_start(
    forked: TestBed, started: TestBed, probe: str
) -> None:
    source = PROBES[probe]

    by_fork, by_start = (
        seen(bed.run(source, stdin="one\n\u00e9\n", args=ARGUMENTS, files=FILES))
        for bed in (forked, started)
    )

    assert by_fork == by_start


def test_what_was_printed_before_a_time_out_is_kept_in_a_fork(
    forked: TestBed, started: TestBed
) -> None:
    source = (
        "import sys\nprint('so'); print('far', end=''); sys.stderr.write('x')\nwhile True: pass"
    )

    by_fork, by_start = (seen(bed.run(source, limits=SHORT)) for bed in (forked, started))

    assert by_fork == by_start
    assert by_fork[0] is Reason.TIME_LIMIT


def test_two_forks_draw_other_random_numbers(forked: TestBed) -> None:
    draw = "import os, random, uuid, tempfile\nprint(random.random(), uuid.uuid4(), os.urandom(4))"

    assert forked.run(draw).result.stdout != forked.run(draw).result.stdout


def test_a_run_is_a_fork_where_it_may_be(forked: TestBed, started: TestBed) -> None:
    ask = "import os; print(os.readlink('/proc/self/exe'))"

    assert forked.run(ask).result.stdout == "/usr/lib/runlet/python-server\n"
    assert started.run(ask).result.stdout == "/usr/bin/python3.11\n"


def test_a_fork_has_the_processes_of_a_run_to_itself(forked: TestBed, started: TestBed) -> None:
    count = (
        "import os, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(60)\n"
        "    n += 1\nexcept OSError: print(n)"
    )

    assert forked.run(count).result.stdout == started.run(count).result.stdout == "63\n"


def test_a_fork_fits_into_the_least_memory_there_is(forked: TestBed) -> None:
    least = dataclasses.replace(DEFAULT_LIMITS, memory_limit_mb=32)

    outcome = forked.run(
        "import json, re, decimal; print(len(bytearray(12 * 2**20)))", limits=least
    )

    assert (outcome.reason, outcome.result.stdout) == (None, "12582912\n")


def test_the_time_of_a_fork_is_its_own(forked: TestBed) -> None:
    quick = forked.run("pass").result
    busy = forked.run("import time\nwhile time.process_time() < 0.2: pass").result

    assert quick.cpu_time_ms is not None
    assert busy.cpu_time_ms is not None
    assert quick.cpu_time_ms < 100
    assert busy.cpu_time_ms >= 200

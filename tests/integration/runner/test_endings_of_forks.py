"""A fork ends without being taken apart only where its program could not notice."""

import pytest

from runlet.execution import Reason
from support.sandboxes.forks import seen
from support.sandboxes.sandboxes import TestBed

TALKER = (
    "class A:\n  def __init__(self, n=0): self.n = n\n  def __del__(self): print('del', self.n)\n"
)
PLAIN = {
    "nothing": "",
    "text without a newline": "print('x', end='')",
    "more text than a buffer holds": "import sys\nsys.stdout.write('x' * 300_000)",
    "bytes in the buffer": "import sys; print('a'); sys.stdout.buffer.write(b'b')",
    "text on both streams": "import sys; print('a'); sys.stderr.write('b')",
    "an exit code": "import sys; print('x'); sys.exit(3)",
    "an exit with a text": "import sys; print('x'); sys.exit('text')",
    "an exit with an object": (
        "class E:\n  def __str__(self): print('asked'); return 'e'\nraise SystemExit(E())"
    ),
    "an exit in a function": "def f(): raise SystemExit(4)\nf()",
    "an exit that is an exception's context": (
        "try: 1 / 0\nexcept ZeroDivisionError: raise SystemExit(5)"
    ),
    "an exception": "print('x')\ndef f(): return [][1]\nf()",
    "an interrupt": "raise KeyboardInterrupt",
    "an interrupt by signal": "import signal; print('x'); signal.raise_signal(signal.SIGINT)",
    "a cycle": "a = []; a.append(a); print('x')",
    "a large heap": "a = [{'n': n, 'l': [n]} for n in range(100_000)]; print(len(a))",
    "input that was not read": "import sys; print(sys.stdin.readline())",
    "a finished generator": "g = (n for n in [1]); print(list(g)); del g",
    "a class": "class A:\n  x = 1\n  def f(self): return self.x\na = A(); print(a.f())",
    "an abstract class": (
        "import abc\nclass A(abc.ABC): pass\nA.register(int)\n"
        "print(isinstance(1, A), isinstance('', A))"
    ),
    "dataclasses and enumerations": (
        "import dataclasses, enum, typing, functools, collections, re\n"
        "@dataclasses.dataclass\nclass D:\n  n: int\nclass E(enum.Enum):\n  A = 1\n"
        "print(D(1), E.A, re.match('a', 'a'), collections.Counter('aab'))"
    ),
    "libraries that hold memory": (
        "import decimal, json, random, hashlib\nprint(json.dumps([1]), decimal.Decimal(1) / 3,"
        " random.Random(1).random(), hashlib.sha256(b'x').hexdigest())"
    ),
}
FINALIZERS = {
    "an object": TALKER + "a = A()",
    "an object in a cycle": TALKER + "a = A(); a.me = a; del a",
    "objects in a list, in order": TALKER + "a = [A(1), A(2)]\nb = A(3)",
    "an object in a default": TALKER + "def f(a=A()): pass",
    "an object in a closure": TALKER + "def f():\n  a = A()\n  return lambda: a\ng = f()",
    "an object in a class": TALKER + "class B: a = A()",
    "an object in a tuple": TALKER + "t = (1, (2, A()))",
    "an object in builtins": TALKER + "import builtins; builtins.a = A()",
    "an object in another module": TALKER + "import os; os.a = A()",
    "an object in place of a module": TALKER + "import sys; sys.modules['a'] = A()",
    "an object in an exception's frames": TALKER + "def f():\n  a = A()\n  1 / 0\nf()",
    "an object in the exit's value": TALKER + "class B(A):\n  pass\nraise SystemExit(B())",
    "an object that is frozen": TALKER + "import gc\na = A(); gc.freeze()",
    "an object while nothing is collected": TALKER + "import gc\ngc.disable(); a = A(); a.me = a",
    "an object that fails": "class A:\n  def __del__(self): 1 / 0\na = A()",
    "an object that exits": "class A:\n  def __del__(self): raise SystemExit(3)\na = A()",
    "an object that is saved": (
        "class A:\n  def __del__(self): global b; b = self; print('saved')\na = A()"
    ),
    "an object that looks at modules": (
        "import sys\nclass A:\n  def __del__(self): print(sys, sys and sys.stdout)\na = A()"
    ),
    "an object without a dictionary": (
        "class A:\n  __slots__ = ()\n  def __del__(self): print('del')\na = A()"
    ),
    "an object whose class learns it late": (
        "class A: pass\na = A()\nA.__del__ = lambda self: print('late')"
    ),
    "an object that inherits it": TALKER + "class B(A): pass\nb = B()",
    "an object of a built-in's class": (
        "class L(list):\n  def __del__(self): print('del', *self)\na = L([1])"
    ),
    "a class": (
        "class M(type):\n  def __del__(cls): print('del', cls.__name__)\nclass A(metaclass=M): pass"
    ),
    "a module": (
        "import types\nclass M(types.ModuleType):\n  def __del__(self): print('del')\n"
        "import sys; sys.modules['m'] = M('m')"
    ),
    "an exception": "class E(Exception):\n  def __del__(self): print('del')\nraise E",
    "a generator with a finally": (
        "def g():\n  try: yield 1\n  finally: print('closed')\na = g(); next(a)"
    ),
    "a generator in a cycle": (
        "def g():\n  me = yield\n  try: yield me\n  finally: print('closed')\n"
        "a = g(); next(a); a.send(a); del a"
    ),
    "a generator with a context": (
        "import contextlib\n@contextlib.contextmanager\ndef c():\n  try: yield\n"
        "  finally: print('left')\na = c(); a.__enter__()"
    ),
    "a generator that goes on": ("def g():\n  try: yield 1\n  finally: yield 2\na = g(); next(a)"),
    "a coroutine that nobody awaited": "async def f(): pass\na = f()",
    "an asynchronous generator": (
        "async def g():\n  try: yield 1\n  finally: print('closed')\n"
        "a = g()\ntry: a.asend(None).send(None)\nexcept StopIteration: print('one')"
    ),
}
CALLBACKS = {
    "of a weak reference": (
        "import weakref\nclass A: pass\na = A(); r = weakref.ref(a, lambda r: print('gone'))"
    ),
    "of a weak reference, built in": (
        "import weakref\nclass A: pass\na = A(); r = weakref.ref(a, print)"
    ),
    "of a weak proxy": (
        "import weakref\nclass A: pass\na = A(); r = weakref.proxy(a, lambda r: print('gone'))"
    ),
    "of a finalizer": "import weakref\nclass A: pass\na = A(); weakref.finalize(a, print, 'gone')",
    "of a weak dictionary": (
        "import weakref\nclass K:\n  def __hash__(self): return 1\n  def __eq__(self, o):"
        " print('eq'); return self is o\nd = weakref.WeakKeyDictionary(); k, j = K(), K()\n"
        "d[k] = d[j] = 1"
    ),
    "at exit": "import atexit; atexit.register(print, 'bye')",
    "at exit, taken back": "import atexit; atexit.register(print); atexit.unregister(print)",
    "at exit, and once more": (
        "import atexit\natexit.register(lambda: atexit.register(print, 'again') and None)"
    ),
    "at exit, that leave": "import atexit, os; print('x'); atexit.register(os._exit, 7)",
    "at exit, with another code": "import atexit, sys; atexit.register(sys.exit, 9)",
    "at exit, of the logging": (
        "import logging, logging.handlers, sys\nh = logging.handlers.MemoryHandler(9,"
        " target=logging.StreamHandler(sys.stdout))\nlogging.getLogger().addHandler(h)\n"
        "logging.warning('kept')"
    ),
    "of the collector": (
        "import gc\ngc.callbacks.append(lambda phase, info: print(phase, info['generation']))"
    ),
    "of an audit": (
        "import sys\nprint('x', flush=True)\n"
        "sys.addaudithook(lambda e, a: e.startswith('cpython.') and sys.__stdout__ and print(e))"
    ),
    "of the C library": (
        "import ctypes\nf = ctypes.CFUNCTYPE(None)(lambda: None)\nlibc = ctypes.CDLL(None)\n"
        "libc.printf(b'by C\\n'); print('by Python')"
    ),
    "of Python's C interface": (
        "import ctypes\nputs = ctypes.CDLL(None).puts\ncall = ctypes.pythonapi.Py_AtExit\n"
        "libc = ctypes.CDLL(None)\nlibc.fflush.argtypes = [ctypes.c_void_p]\n"
        "print(call(libc.getpid))"
    ),
}
HOOKS = {
    "a trace": "import sys\nsys.settrace(lambda *a: print(a[1]))",
    "a profile": "import sys\nsys.setprofile(lambda *a: print(a[1], flush=True))",
    "for what cannot be raised": (
        "import sys\nsys.unraisablehook = lambda u: print('unraisable', u.exc_value)\n"
        "class A:\n  def __del__(self): 1 / 0\na = A()"
    ),
    "for exceptions, that exits": (
        "import sys\ndef h(*a): print('hook'); sys.exit(6)\nsys.excepthook = h\n1 / 0"
    ),
    "for exceptions, that fails": (
        "import sys\ndef h(*a): print('hook'); [][1]\nsys.excepthook = h\n1 / 0"
    ),
    "for threads": "import threading, sys\nthreading.excepthook = print\nprint('x')",
    "statistics of the collector": (
        "import gc, re, sys\nclass S:\n  def write(s, t): print(re.sub(r'[\\d.]+', '', t))\n"
        "gc.set_debug(gc.DEBUG_UNCOLLECTABLE)\na = []; a.append(a); gc.garbage.append(a)"
    ),
    "garbage that is kept": "import gc\ngc.garbage.append(1); print('x')",
    "traced memory": "import tracemalloc; tracemalloc.start(); a = [1]; print('x')",
    "a fault handler": "import faulthandler; faulthandler.enable(); print('x')",
    "a fault handler that waits": (
        "import faulthandler; faulthandler.dump_traceback_later(60); print('x')"
    ),
}
STREAMS = {
    "a file by path": "f = open('/dev/stdout', 'w'); f.write('late')",
    "a file by descriptor": "f = open(1, 'w', closefd=False); f.write('late'); print('x')",
    "a file by a copy of the descriptor": (
        "import os; f = os.fdopen(os.dup(1), 'w'); f.write('late'); print('x')"
    ),
    "a file in bytes": "f = open('/dev/stdout', 'wb'); f.write(b'late')",
    "files in order": (
        "f = open('/dev/stdout', 'w'); g = open('/dev/stdout', 'w'); g.write('g'); f.write('f')"
    ),
    "a file in a cycle": "f = open('/dev/stdout', 'w'); f.write('x'); l = [f]; l.append(l); del f",
    "a file that is closed": "with open('/dev/stdout', 'w') as f: f.write('x')",
    "a compressed file": (
        "import zipfile, sys\nz = zipfile.ZipFile('/dev/stdout', 'w'); z.writestr('a', 'b')"
    ),
    "a file where a stream was": (
        "import os, sys\nsys.stdin = None; sys.__stdin__ = None\n"
        "f = [open('/dev/stdout', 'w') for _ in range(3)]\nfor g in f: g.write('late')"
    ),
    "files as all the streams": (
        "import sys\nsys.stdin = sys.__stdin__ = None\n"
        "sys.stdin = sys.__stdin__ = open('/dev/stdout', 'w'); sys.stdin.write('late')"
    ),
    "output replaced by a file": (
        "import sys; sys.stdout = open('/dev/stdout', 'w'); print('late')"
    ),
    "output replaced and kept": (
        "import io, sys\nprint('a'); old = sys.stdout; sys.stdout = io.StringIO(); print('b')\n"
        "sys.stdout = old; print('c')"
    ),
    "output replaced by an object": (
        "import sys\nclass S:\n  def write(self, t): sys.__stdout__.write(t.upper())\n"
        "  def flush(self): sys.__stdout__.write('flushed\\n')\n"
        "sys.stdout = S(); print('x')"
    ),
    "output that fails to flush": (
        "import sys\nclass S:\n  def write(self, t): pass\n  def flush(self): 1 / 0\n"
        "sys.stdout = S()"
    ),
    "output wrapped anew": (
        "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'latin-1')\n"
        "print('\u00e9')"
    ),
    "output detached": (
        "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-16'); print('x')"
    ),
    "output detached and left": "import sys; print('x'); b = sys.stdout.detach(); b.write(b'y')",
    "output reconfigured": (
        "import sys; sys.stdout.reconfigure(encoding='utf-16', line_buffering=True); print('x')"
    ),
    "output none": "import sys; print('x'); sys.stdout = None",
    "no output at all": "import sys; print('x'); sys.stdout = sys.__stdout__ = None",
    "output deleted": "import sys; print('x'); del sys.stdout",
    "output closed": "import sys; print('x'); sys.stdout.close()",
    "errors closed": "import sys; sys.stderr.write('x'); sys.stderr.close()",
    "errors replaced": "import sys, io; sys.stderr = io.StringIO(); 1 / 0",
    "all closed": "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr): s.close()",
    "another flush": "import sys; sys.stdout.flush = lambda: print('flush')",
    "another close": (
        "import os, sys\nsys.stdout.close = lambda: os.write(2, b'close')\nprint('x')"
    ),
    "another close below": (
        "import os, sys\nsys.stdout.buffer.raw.close = lambda: os.write(2, b'close')\nprint('x')"
    ),
    "another close of input": "import os, sys; sys.stdin.close = lambda: os.write(2, b'close')",
    "a stream of one's own": (
        "import io, os\nclass S(io.RawIOBase):\n  def close(self): os.write(1, b'close')\ns = S()"
    ),
    "a directory half read": "import os; s = os.scandir('/'); next(s); print('x')",
    "a socket": "import socket; s = socket.socket(); print('x')",
}
FAILURES = {
    "a closed descriptor": "import os; print('x'); os.close(1)",
    "a broken pipe": "import os\nr, w = os.pipe(); os.close(r); os.dup2(w, 1); print('x')",
    "a broken pipe, much": (
        "import os, sys\nr, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
        "sys.stdout.reconfigure(line_buffering=False)\n"
        "try: sys.stdout.write('x' * 9000)\nexcept OSError: print('heard', file=sys.stderr)"
    ),
    "a full disk": "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x')",
    "a full disk, at an exit": (
        "import os, sys; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x'); sys.exit(3)"
    ),
    "a full disk, text larger than the buffer": (
        "import os, sys\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n"
        "for _ in range(8190): sys.stdout.write('x')"
    ),
    "a full disk for errors": (
        "import os, sys; os.dup2(os.open('/dev/full', os.O_WRONLY), 2)\n"
        "sys.stderr.buffer.write(b'x'); print('y')"
    ),
    "a full disk, and a hook": (
        "import os, sys; sys.unraisablehook = lambda u: os.write(2, b'told')\n"
        "os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x')"
    ),
    "text that cannot be encoded": (
        "import sys; sys.stdout.reconfigure(errors='strict')\n"
        "try: print('\\udc80')\nexcept UnicodeError as e: print(e)"
    ),
}
WARNINGS = {
    "a file, always warned of": (
        "import warnings; warnings.simplefilter('always'); f = open('/dev/null')"
    ),
    "a directory, always warned of": (
        "import os, warnings; warnings.simplefilter('always'); s = os.scandir('/'); next(s)"
    ),
    "filters changed behind the scenes": (
        "import os, warnings\nwarnings.filters.insert(0, ('always', None, Warning, None, 0))\n"
        "s = os.scandir('/'); next(s)"
    ),
    "filters changed without the module": (
        "import os, _warnings\n_warnings.filters[:] = [('always', None, Warning, None, 0)]\n"
        "s = os.scandir('/'); next(s)"
    ),
    "other filters": (
        "import os, warnings\nwarnings.filters = [('always', None, Warning, None, 0)]\n"
        "s = os.scandir('/'); next(s)"
    ),
    "another module of warnings": (
        "import os, sys, types\nm = types.ModuleType('warnings')\n"
        "m.filters = [('error', None, Warning, None, 0)]; sys.modules['warnings'] = m\n"
        "s = os.scandir('/'); next(s)"
    ),
}
NAMES = {
    "a module that is no string": (
        # How often it is compared depends on the hash seed, so that is told once.
        "import sys\ntold = []\nclass K:\n  def __hash__(self): print('hash'); return hash('os')\n"
        "  def __eq__(self, o): told or told.append(print('eq')); return False\n"
        "sys.modules[K()] = 1"
    ),
    "a global that is a string of one's own": (
        "class S(str):\n  def __hash__(self): print('hash'); return str.__hash__(self)\n"
        "  def __eq__(self, o): print('eq'); return str.__eq__(self, o)\nglobals()[S('x')] = 1"
    ),
    "a class that answers": (
        "import abc\nclass M(type):\n  def __hash__(c): return 1\n"
        "  def __eq__(c, o): print('eq'); return c is o\n"
        "class A(metaclass=M): pass\nclass B(metaclass=M): pass\n"
        "class C(abc.ABC): pass\nC.register(A); C.register(B)"
    ),
    "modules gone": "import sys; print('x'); sys.modules.clear()",
    "modules elsewhere": "import sys; print('x'); sys.modules = {}",
    "main gone": "import sys; print('x'); del sys.modules['__main__']",
    "globals gone": TALKER + "a = A(); globals().clear()",
}
PROCESSES = {
    "a thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()"
    ),
    "a thread in the background": (
        "import threading, time\n"
        "threading.Thread(target=lambda: time.sleep(60), daemon=True).start(); print('x')"
    ),
    "a bare thread": (
        "import _thread, time; _thread.start_new_thread(time.sleep, (60,)); print('x')"
    ),
    "threads that are not used": "import threading; print(threading.current_thread().name)",
    "what a thread keeps": (TALKER + "import _thread\nl = _thread._local(); l.a = A()"),
    "a child": (
        "import os, sys\nprint('both')\nif os.fork() == 0: print('child'); sys.exit(0)\n"
        "os.wait(); print('parent')"
    ),
    "a child with an object": (
        "import os\n" + TALKER + "a = A(os.getpid() > 0)\nif os.fork(): os.wait(); print('parent')"
    ),
    "a child of a thread": (
        "import os, threading\ndef f():\n  if os.fork() == 0: print('child')\n  else: os.wait()\n"
        "t = threading.Thread(target=f); t.start(); t.join(); print('parent')"
    ),
    "a process that is not waited for": (
        "import subprocess; p = subprocess.Popen(['sleep', '60']); print('x')"
    ),
    "a signal's handler": "import signal; signal.signal(signal.SIGTERM, print); print('x')",
    "a signal that waits": (
        "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *a: print('heard'))\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "os.kill(os.getpid(), signal.SIGUSR1); print('x')"
    ),
    "a timer": "import signal; signal.setitimer(signal.ITIMER_REAL, 60); print('x')",
    "another interpreter": (
        "import _xxsubinterpreters as s\ni = s.create()\n"
        "s.run_string(i, 'import atexit; atexit.register(print, 1)'); print('x')"
    ),
}
ENDINGS = {
    f"{kind}: {name}": source
    for kind, sources in {
        "plain": PLAIN,
        "a finalizer": FINALIZERS,
        "a callback": CALLBACKS,
        "a hook": HOOKS,
        "a stream": STREAMS,
        "a failure": FAILURES,
        "a warning": WARNINGS,
        "a name": NAMES,
        "a process": PROCESSES,
    }.items()
    for name, source in sources.items()
}
# The interpreter falls when it takes this apart: each one is freed by the one around it.
TOO_DEEP = "x = None\nfor _ in range(400_000): x = slice(x)\nprint('end')"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_cannot_tell_how_its_fork_ends(
    forked: TestBed, started: TestBed, ending: str
) -> None:
    by_fork, by_start = (
        seen(bed.run(ENDINGS[ending], stdin="one\ntwo\n")) for bed in (forked, started)
    )

    assert by_fork == by_start


def test_a_fork_is_not_taken_apart_where_nothing_is_left(forked: TestBed, started: TestBed) -> None:
    by_fork, by_start = (seen(bed.run(TOO_DEEP)) for bed in (forked, started))

    assert by_fork == (None, 0, None, "end\n", "")
    assert by_start == (Reason.SIGNAL, None, 11, "end\n", "")

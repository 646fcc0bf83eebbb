"""Hostile programs, each with the ending it must have, and honest ones through the same harness."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.sandbox.native import NativeSandbox

LIMITS = Limits(call_s=5.0, cpu_s=10, memory_mb=128)
SHORT = Limits(call_s=0.1, cpu_s=10, memory_mb=128)
PRELUDE = """\
import sys
load = sys.modules.__getitem__
def c():
    return load('ctypes').CDLL(None)
"""
VIOLATION = Status.VIOLATION
ERROR = Status.ERROR
CRASH = Status.CRASH

NETWORK = {
    "tcp": "load('socket').create_connection(('127.0.0.1', 9))",
    "udp": "load('_socket').socket(2, 2).sendto(b'x', ('127.0.0.1', 9))",
    "raw": "load('_socket').socket(2, 3, 1)",
    "dns": "load('socket').getaddrinfo('localhost', 80)",
    "unix": "load('_socket').socket(1, 1).connect('/var/run/docker.sock')",
    "abstract unix": "load('_socket').socket(1, 1).connect('\\0bus')",
    "netlink": "load('_socket').socket(16, 3, 0)",
    "vsock": "load('_socket').socket(40, 1, 0)",
    "socketpair": "load('_socket').socketpair()",
    "listen": "load('socket').create_server(('127.0.0.1', 0))",
    "tcp through ctypes": "c().socket(2, 1, 0)",
    "io_uring": "c().syscall(425, 8, None)",
}
FILES_REFUSED = {
    "io.open": "load('io').open('/etc/passwd').read()",
    "FileIO": "load('_io').FileIO('/etc/passwd').read()",
    "codecs.open": "load('codecs').open('/etc/passwd').read()",
    "loader": "load('json').__loader__.get_data('/etc/passwd')",
    "proc environ": "load('posix').open('/proc/self/environ', 0)",
    "proc root": "load('posix').open('/proc/self/root/etc/passwd', 0)",
    "parent's memory": "load('posix').open(f\"/proc/{load('posix').getppid()}/mem\", 0)",
    "listdir": "load('posix').listdir('/')",
    "scandir": "load('posix').scandir('/').__next__().name",
    "stat": "load('posix').stat('/etc/passwd').st_size",
    "readlink": "load('posix').readlink('/proc/self/exe')",
    "write": "load('posix').open('/tmp/compiledai-test', 0o102)",
    "getcwd": "load('posix').getcwd()",
    "uname": "list(load('posix').uname())",
    "a file into the library": "load('io').open(load('json').__file__, 'a')",
}
FILES_KILLED = {
    "symlink": "load('posix').symlink('/etc/passwd', '/tmp/compiledai-link')",
    "hard link": "load('posix').link('/etc/passwd', '/tmp/compiledai-link')",
    "unlink": "load('posix').unlink('/tmp/compiledai-none')",
    "rename": "load('posix').rename('/tmp/compiledai-none', '/tmp/compiledai-other')",
    "mkdir": "load('posix').mkdir('/tmp/compiledai-none')",
    "chmod": "load('posix').chmod('/tmp', 0o700)",
    "mkfifo": "load('posix').mkfifo('/tmp/compiledai-fifo')",
    "truncate": "load('posix').truncate('/tmp/compiledai-none', 0)",
    "chdir": "load('posix').chdir('/')",
    "chroot": "load('posix').chroot('/')",
    "memfd": "load('posix').memfd_create('x')",
    "handle": "c().syscall(304, -1, None, 0)",
    "duplicate descriptor": "load('posix').dup2(1, 9)",
    "executable memory": "c().mmap(None, 4096, 7, 0x22, -1, 0)",
}
PROCESSES = {
    "exec": "load('posix').execv('/bin/true', ['true'])",
    "spawn": "load('posix').posix_spawn('/bin/true', ['true'], {})",
    "system": "load('posix').system('true')",
    "fork": "load('posix').fork()",
    "fork through ctypes": "c().fork()",
    "double fork": "[load('posix').fork() for _ in range(2)]",
    "thread": "load('_thread').start_new_thread(print, ())",
    "kill parent": "load('posix').kill(load('posix').getppid(), 9)",
    "kill all": "load('posix').kill(-1, 9)",
    "kill group": "load('posix').killpg(0, 9)",
    "ptrace": "c().ptrace(16, load('posix').getppid(), None, None)",
    "read parent's memory": "c().process_vm_readv(load('posix').getppid(), None, 0, None, 0, 0)",
    "raise a limit": "load('resource').setrlimit(load('resource').RLIMIT_CPU, (99, 99))",
    "prlimit parent": "c().prlimit(load('posix').getppid(), 7, None, None)",
    "setuid": "load('posix').setuid(0)",
    "new namespace": "c().unshare(0x10000000)",
    "mount": "c().mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "keyring": "c().syscall(250, 0, -3, 0)",
    "bpf": "c().syscall(321, 0, None, 0)",
    "second filter": "c().prctl(22, 2, None)",
    "pidfd": "load('posix').pidfd_open(load('posix').getppid())",
    "alarm": "load('_signal').setitimer(0, 1.0)",
    "leave the group": "load('posix').setsid()",
    "be nice": "load('posix').nice(5)",
    "x32 call": "c().syscall(0x40000000 + 39)",
}
CHEATS = {
    "sys.exit": ("sys.exit(0)", ERROR),
    "SystemExit without code": ("raise_(SystemExit)", ERROR),
    "KeyboardInterrupt": ("raise_(KeyboardInterrupt)", ERROR),
    "GeneratorExit": ("raise_(GeneratorExit)", ERROR),
    "own BaseException": ("raise_(type('Own', (BaseException,), {}))", ERROR),
    "os._exit 0": ("load('posix')._exit(0)", CRASH),
    "os._exit 1": ("load('posix')._exit(1)", CRASH),
    "abort": ("load('posix').abort()", CRASH),
    "segmentation fault": ("load('ctypes').string_at(0)", CRASH),
    "forged frame": ("load('posix').write(4, b'\\0\\0\\0\\4' + b'n' * 16 + b' true')", CRASH),
    "endless frame": ("load('posix').write(4, b'\\xff' * 64)", CRASH),
    "descriptor sweep": ("[load('posix').write(n, b'{}' * 99) for n in (1, 2, 4)]", CRASH),
    "closed pipe": ("load('posix').close(4)", CRASH),
    "answer of another kind": ("Always()", Status.NOT_PLAIN),
    "str subclass": ("Text('x')", Status.NOT_PLAIN),
    "bool-like int": ("[Number(1)]", Status.NOT_PLAIN),
    "generator": ("(n for n in ())", Status.NOT_PLAIN),
    "tuple": ("(1, 2)", Status.NOT_PLAIN),
    "set": ("{1}", Status.NOT_PLAIN),
    "bytes": ("b'x'", Status.NOT_PLAIN),
    "int key": ("{1: 2}", Status.NOT_PLAIN),
    "not a number": ("[float('nan')]", Status.NOT_PLAIN),
    "infinity": ("float('-inf')", Status.NOT_PLAIN),
    "long integer": ("10 ** 4300", Status.NOT_PLAIN),
    "cycle": ("cycle()", Status.NOT_PLAIN),
    "deep": ("deep(65)", Status.NOT_PLAIN),
    "ten million items": ("[0] * 10_000_000", Status.TOO_LARGE),
    "shared substructure": ("shared()", Status.TOO_LARGE),
    "long text": ("'x' * 1_000_001", Status.TOO_LARGE),
    "text that grows when escaped": ("'\\u20ac' * 200_000", Status.TOO_LARGE),
    "hostile text of an error": ("raise_(Loud)", ERROR),
    "withheld open": ("open('/etc/passwd')", ERROR),
    "withheld eval": ("eval('1')", ERROR),
    "withheld exec": ("exec('1')", ERROR),
    "import of os": ("__import__('os').getpid()", ERROR),
    "import of pytest": ("__import__('pytest').__version__", ERROR),
}
CHEAT_TOOLS = """\
class Always:
    def __eq__(self, other): return True
class Text(str): pass
class Number(int): pass
class Meta(type):
    @property
    def __name__(cls): load('posix')._exit(0)
class Loud(Exception, metaclass=Meta):
    def __str__(self): raise SystemExit(0)
def raise_(kind): raise kind
def cycle():
    found = []
    found.append(found)
    return found
def deep(levels):
    found = 1
    for _ in range(levels): found = [found]
    return found
def shared():
    found = ['x']
    for _ in range(60): found = [found, found]
    return found
"""
RESOURCES = {
    "list": ("[0] * 10**9", LIMITS, Status.MEMORY),
    "bytes": ("len(bytearray(1 << 31))", LIMITS, Status.MEMORY),
    "growing": ("grow()", LIMITS, Status.MEMORY),
    "loop": ("spin()", SHORT, Status.TIMEOUT),
    "loop that ignores signals": ("(ignore(), spin())", SHORT, Status.TIMEOUT),
    "loop inside C": ("7 ** 10 ** 8", SHORT, Status.TIMEOUT),
    "regular expression": ("backtrack()", SHORT, Status.TIMEOUT),
    "sleep": ("load('time').sleep(60)", SHORT, Status.TIMEOUT),
    "print": ("flood()", LIMITS, Status.ERROR),
    "frames": ("drown()", LIMITS, Status.CRASH),
    "recursion": ("down(0)", LIMITS, Status.ERROR),
}
RESOURCE_TOOLS = """\
def grow():
    kept = []
    while True: kept.append('x' * 100_000 + str(len(kept)))
def spin():
    while True: pass
def ignore():
    for number in (1, 2, 15, 24): load('_signal').signal(number, 1)
def backtrack():
    import re
    return bool(re.match('(a+)+$', 'a' * 64 + 'b'))
def flood():
    while True: print('x' * 1000)
def drown():
    while True: load('posix').write(4, b'x' * 65536)
def down(n): return down(n + 1)
"""


def attack(sandbox, expression, *, tools="", limits=LIMITS) -> Answer:
    source = f"{PRELUDE}{tools}\ndef attack(data):\n    return {expression}\n"
    program = Program(source=source.encode(), function="attack")
    with sandbox.open(program, limits=limits) as session:
        answer = session.call([b"null"])[0]
    assert not answer.detail.startswith("while loading")
    return answer


@pytest.mark.parametrize("name", NETWORK)
def test_network_is_a_violation(sandbox, name) -> None:
    """Asking for a network ends the worker with the kernel's evidence."""
    assert attack(sandbox, NETWORK[name]).status is VIOLATION


@pytest.mark.parametrize("name", FILES_REFUSED)
def test_looking_for_a_file_is_refused(sandbox, name) -> None:
    """Looking for a file gives an error that names the permission."""
    answer = attack(sandbox, FILES_REFUSED[name])

    assert answer.status is ERROR
    assert answer.detail.startswith("PermissionError: [Errno 1]")


@pytest.mark.parametrize("name", FILES_KILLED)
def test_changing_a_file_is_a_violation(sandbox, name) -> None:
    """Changing the file system, or making descriptors, ends the worker."""
    assert attack(sandbox, FILES_KILLED[name]).status is VIOLATION


@pytest.mark.parametrize("name", PROCESSES)
def test_touching_a_process_is_a_violation(sandbox, name) -> None:
    """Starting, signalling or changing a process ends the worker."""
    assert attack(sandbox, PROCESSES[name]).status is VIOLATION


@pytest.mark.parametrize("name", CHEATS)
def test_cheating_gives_no_value(sandbox, name) -> None:
    """An answer that is forged, missing or not plain data is never a value."""
    expression, expected = CHEATS[name]

    assert attack(sandbox, expression, tools=CHEAT_TOOLS).status is expected


@pytest.mark.parametrize("name", RESOURCES)
def test_resources_are_bounded(sandbox, name) -> None:
    """Eating memory, time or output ends with the status that says which."""
    expression, limits, expected = RESOURCES[name]

    answer = attack(sandbox, expression, tools=RESOURCE_TOOLS, limits=limits)

    assert answer.status is expected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{'b': [1, 2.5, None, True], 'a': 'z\u00fc'}", b'{"a":"z\\u00fc","b":[1,2.5,null,true]}'),
        ("deep(64)", b"[" * 64 + b"1" + b"]" * 64),
        ("10 ** 4300 - 1", b"9" * 4300),
        ("-0.0", b"-0.0"),
        ("'\\ud800'", b'"\\ud800"'),
        ("'x' * 999_998", b'"' + b"x" * 999_998 + b'"'),
        ("load('linecache').getlines('/etc/passwd')", b"[]"),
        ("load('os').path.exists('/etc/passwd')", b"false"),
        (
            "sorted(set(load('os').environ) - {'LC_CTYPE'})",
            b'["LANG","LC_ALL","PYTHONHASHSEED","TZ"]',
        ),
        ("[n for n in range(99) if is_open(n)]", b"[0,1,2,3,4]"),
        ("[name for name in sys.modules if 'pytest' in name]", b"[]"),
        ("load('posix').getuid() == 0", b"false"),
    ],
)
def test_honest_answers_come_through(sandbox, expression, value) -> None:
    """The harness of the attacks gives the right value for a program that may have one."""
    tools = CHEAT_TOOLS + dedent("""\
        def is_open(n):
            try: load('posix').lseek(n, 0, 1)
            except OSError as error: return error.errno != 9
            return True
    """)

    answer = attack(sandbox, expression, tools=tools)

    assert answer == Answer(status=Status.VALUE, value=value)


def test_secrets_of_the_parent_are_out_of_reach(sandbox, monkeypatch) -> None:
    """A variable of the asking process is not in the environment of the worker."""
    monkeypatch.setenv("CANARY", "canary-4711-value")
    own = NativeSandbox()
    tools = dedent("""\
        def search():
            text = repr([load('os').environ, load('os').environb])
            return 'canary-' + '4711' in text
    """)
    answer = attack(own, "search()", tools=tools)
    own.close()

    assert answer == Answer(status=Status.VALUE, value=b"false")


def test_patched_modules_do_not_reach_the_loop(sandbox) -> None:
    """A program that patches json, os and time is still answered honestly."""
    tools = dedent("""\
        for name in ('dumps', 'loads'): setattr(load('json'), name, None)
        for name in ('write', 'read', '_exit'): setattr(load('os'), name, None)
        load('time').thread_time_ns = load('time').monotonic_ns = None
    """)

    answer = attack(sandbox, "[data, 7]", tools=tools)

    assert answer == Answer(status=Status.VALUE, value=b"[null,7]")


def test_actions_after_the_answer_are_never_taken(sandbox) -> None:
    """A finalizer that would forge a frame at the interpreter's end does not run."""
    tools = dedent("""\
        class Late:
            def __del__(self): load('posix').write(4, b'x' * 99)
        late = Late()
    """)

    assert attack(sandbox, "1", tools=tools) == Answer(status=Status.VALUE, value=b"1")


def test_cpu_limit_is_a_timeout(sandbox) -> None:
    """A worker that spends its CPU seconds in one call answers with a timeout."""
    limits = Limits(call_s=20.0, cpu_s=1, memory_mb=128)

    answer = attack(sandbox, "spin()", tools=RESOURCE_TOOLS, limits=limits)

    assert answer.status is Status.TIMEOUT
    assert "1 s of CPU" in answer.detail


def test_ignored_cpu_signal_is_a_timeout(sandbox) -> None:
    """The kernel's hard limit ends a worker that ignores the soft one."""
    limits = Limits(call_s=20.0, cpu_s=1, memory_mb=128)

    answer = attack(sandbox, "(ignore(), spin())", tools=RESOURCE_TOOLS, limits=limits)

    assert answer.status is Status.TIMEOUT


def test_attacks_left_nothing_behind() -> None:
    """No file of the attacks above exists."""
    left = [path for letter in "flt" for path in Path("/tmp").glob(f"compiledai-{letter}*")]

    assert [path for path in left if not path.is_dir()] == []

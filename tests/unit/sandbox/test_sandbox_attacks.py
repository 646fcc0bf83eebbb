"""Honest answers, and attacks that need more than one line; the others are in `tests/escape`."""

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
PRELUDE = """\
import sys
load = sys.modules.__getitem__
def c():
    return load('ctypes').CDLL(None)
"""

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


def test_a_refused_file_names_the_permission(sandbox) -> None:
    """Looking for a file gives an error that a reader understands."""
    answer = attack(sandbox, "load('posix').open('/etc/hosts', 0)")

    assert answer.detail.startswith("PermissionError: [Errno 1]")


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

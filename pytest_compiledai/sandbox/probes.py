"""Small hostile programs and one honest one, run through a sandbox before it is trusted.

A probe passes when the wall held in the way it should. The honest program must give the right
value: a sandbox in which everything dies would hold every attack, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.calls import Status

CONTROL = "positive control"
_LIMITS = Limits(call_s=2.0, cpu_s=4, memory_mb=128)
_SHORT = Limits(call_s=0.05, cpu_s=4, memory_mb=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attack: the body of ``attack(data)``, and the endings that show that it was held.

    An attack returns plain data when it got through, so ``VALUE`` is never among the endings.
    """

    name: str
    body: str
    held: tuple[Status, ...]
    limits: Limits = _LIMITS

    def program(self) -> Program:
        """Return the attack as a module; ``load`` gives it modules that the guard withholds."""
        body = dedent(self.body).strip().replace("\n", "\n    ")
        source = f"import sys\nload = sys.modules.__getitem__\ndef attack(data):\n    {body}\n"
        return Program(source=source.encode(), function="attack")


_VIOLATION = (Status.VIOLATION,)
_ERROR = (Status.ERROR,)

PROBES: tuple[Probe, ...] = (
    Probe(
        name="network: tcp",
        body="return load('_socket').socket(2, 1).fileno()",
        held=_VIOLATION,
    ),
    Probe(
        name="network: udp",
        body="return load('_socket').socket(2, 2).fileno()",
        held=_VIOLATION,
    ),
    Probe(
        name="network: unix",
        body="return load('_socket').socket(1, 1).fileno()",
        held=_VIOLATION,
    ),
    Probe(
        name="file: read",
        body="return load('posix').open('/etc/passwd', 0)",
        held=_ERROR,
    ),
    Probe(
        name="file: list",
        body="return load('posix').listdir('/')",
        held=_ERROR,
    ),
    Probe(
        name="file: write",
        body="return load('posix').open('/tmp/compiledai-probe', 0o102)",
        held=_ERROR,
    ),
    Probe(
        name="process: exec",
        body="return load('posix').execv('/bin/true', ['true'])",
        held=_VIOLATION,
    ),
    Probe(
        name="process: fork",
        body="return load('posix').fork()",
        held=_VIOLATION,
    ),
    Probe(
        name="process: kill",
        body="return load('posix').kill(load('posix').getppid(), 0)",
        held=_VIOLATION,
    ),
    Probe(
        name="secrets: environment",
        body="""
            known = {'PYTHONHASHSEED', 'TZ', 'LC_ALL', 'LANG', 'LC_CTYPE'}
            if set(load('os').environ) <= known:
                raise ValueError('nothing there')
            return True
        """,
        held=_ERROR,
    ),
    Probe(
        name="resources: memory",
        body="return len(bytearray(1 << 30))",
        held=(Status.MEMORY,),
    ),
    Probe(
        name="resources: time",
        body="while True: pass",
        held=(Status.TIMEOUT,),
        limits=_SHORT,
    ),
    Probe(
        name="resources: output",
        body="""
            while True:
                print('x' * 9999)
        """,
        held=_ERROR,
    ),
    Probe(
        name="forgery: result frame",
        body="""
            load('posix').write(4, bytes(3) + b'\\x04' + bytes(16) + b'\\x20true')
            return False
        """,
        held=(Status.CRASH,),
    ),
)

_CONTROL = Program(
    source=dedent(
        """
        import json
        import re
        from collections import Counter
        from dataclasses import dataclass
        from datetime import datetime
        from decimal import Decimal

        @dataclass
        class Line:
            words: list[str]

        def control(data):
            line = Line(words=re.findall(r"[a-z]+", data["text"]))
            day = datetime.strptime(data["day"], "%d.%m.%Y").date().isoformat()
            price = str(Decimal(data["price"]) * 2)
            return {"count": dict(Counter(line.words)), "day": day, "price": price,
                    "text": json.dumps(line.words)}
        """
    ).encode(),
    function="control",
)
_CONTROL_INPUT = b'{"day":"21.11.2025","price":"1.25","text":"a bb a"}'
_CONTROL_VALUE = (
    b'{"count":{"a":2,"bb":1},"day":"2025-11-21","price":"2.50",'
    b'"text":"[\\"a\\", \\"bb\\", \\"a\\"]"}'
)


def probe(sandbox: Sandbox) -> tuple[str, ...]:
    """Return the names of the probes that failed, each with what came instead; none is good."""
    failed = [line for attack in PROBES if (line := _failure(sandbox, attack))]
    return (*failed, *_control_failure(sandbox))


def _failure(sandbox: Sandbox, attack: Probe) -> str:
    with sandbox.open(attack.program(), limits=attack.limits) as session:
        answer = session.call([b"null"])[0]
    # A program that did not load was never put to the test.
    if answer.status in attack.held and not answer.detail.startswith("while loading"):
        return ""
    return f"{attack.name} ({_ending(answer)})"


def _control_failure(sandbox: Sandbox) -> list[str]:
    """Return what the honest program got wrong, twice in one process and once in a fresh one."""
    inputs = [_CONTROL_INPUT, _CONTROL_INPUT]
    with sandbox.open(_CONTROL, limits=_LIMITS) as session:
        found = session.call(inputs)
    found += sandbox.call_fresh(_CONTROL, inputs[:1], limits=_LIMITS)
    wrong = [answer for answer in found if answer.value != _CONTROL_VALUE]
    return [f"{CONTROL} ({_ending(wrong[0])})"] if wrong else []


def _ending(answer: Answer) -> str:
    return f"{answer.status}: {answer.detail or answer.value.decode()}"[:200]

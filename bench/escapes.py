"""Hostile programs against every sandbox and every gate: how many were held, how many got through.

    python -m bench.escapes [--backend native] [--backend docker] [--json PATH]

The programs are data: `tests/escape/*.toml`, one file a class. A program of the first six classes
is one act, called in a sandbox; it is held when it ends as its line says. A program of the last two
solves a task and is judged by the gates, static and dynamic; it is held when the gate that its line
names finds it. A program that ends with a value, or that no gate finds, got through.

Controls show that a class proves something. On each backend the honest programs of the class must
pass, and the acts with a line `alone` must end as it says in a plain process, without the
lock-down: on this machine for `native`, in a container of the same image for `docker`. Programs
marked `naive` must fool a judge that compares answers in the process of the program.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates import execution
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates import latency
from pytest_compiledai.gates import proof
from pytest_compiledai.gates import security
from pytest_compiledai.gates.malformed import derive
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import scan
from pytest_compiledai.sandbox.docker_image import ensure_image
from pytest_compiledai.sandbox.docker_image import interpreter
from pytest_compiledai.sandbox.ladder import open_sandbox

FOLDER = Path(__file__).parents[1] / "tests" / "escape"
RUNNER = FOLDER / "unlocked.py"
CLASSES = ("network", "files", "processes", "secrets", "resources", "forgery", "cheating", "hidden")
BACKENDS = ("native", "docker")
CANARY = {"COMPILEDAI_CANARY": "canary-4711-value"}
CONDITIONS = {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
SEED = 1

#: `load` reaches modules that the guard withholds; a real attack would find them as well.
PRELUDE = """\
import sys
load = sys.modules.__getitem__
def c():
    return load('ctypes').CDLL(None)
"""
SOLUTION = """\
def answer(data):
    if not isinstance(data, dict) or set(data) != {'subject', 'plan'}:
        raise Abstain('no ticket')
    if not isinstance(data['subject'], str) or data['plan'] not in ('free', 'pro'):
        raise Abstain('no ticket')
    text = data['subject'].lower()
    if text and not text.strip('?'):
        raise Abstain('question marks alone')
    queue = 'tech'
    if 'spam' in text:
        queue = 'abuse'
    if 'invoice' in text or 'refund' in text:
        queue = 'billing'
    return {'queue': queue, 'urgent': data['plan'] == 'pro' and '!' in data['subject']}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape:
    """One program. ``expect`` is a status of a call, ``code`` and ``static`` are rules of gates."""

    klass: str
    name: str
    source: str
    expect: str = ""
    code: str = ""
    static: str = ""
    value: str = ""  # of an honest act
    alone: str = ""
    naive: bool = False
    calls: int = 1
    call_s: float = 5.0

    @property
    def judged(self) -> bool:
        """Whether the gates judge it."""
        return not (self.expect or self.value)

    def program(self) -> Program:
        """Return it as the sandbox takes it."""
        return Program(source=self.source.encode(), function="route" if self.judged else "attack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """The programs of one class, hostile and honest."""

    name: str
    about: str
    hostile: tuple[Escape, ...]
    honest: tuple[Escape, ...]


@cache
def table(name: str) -> Class:
    """Return the programs of one class."""
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    tools, judged = data.get("tools", ""), data.get("judged", False)

    def escapes(key: str) -> Iterator[Escape]:
        for entry in data.get(key, []):
            facts = dict(entry)
            act = facts.pop("act", "")
            facts.setdefault("name", act)
            source = f"{PRELUDE}{tools}\ndef attack(data):\n    return {act}\n"
            facts["source"] = f"{SOLUTION}{facts['source']}" if judged else source
            yield Escape(klass=name, **facts)

    return Class(
        name=name,
        about=data["about"],
        hostile=tuple(escapes("program")),
        honest=tuple(escapes("honest")),
    )


def called(sandbox: Sandbox, escape: Escape) -> Answer:
    """Return how the last call of an act ended."""
    limits = Limits(call_s=escape.call_s, cpu_s=10, memory_mb=128)
    with sandbox.open(escape.program(), limits=limits) as session:
        return session.call([b"null"] * escape.calls)[-1]


def judged(sandbox: Sandbox, escape: Escape) -> frozenset[str]:
    """Return the rules of the first dynamic gate that finds something."""
    for judge in (_execution, _accuracy, _latency, _fuzz):
        found = judge(sandbox, escape.program()).findings
        if found:
            return frozenset(item.rule for item in found)
    return frozenset()


@cache
def scanned() -> Mapping[str, frozenset[str]]:
    """Return the rules of the security gate for every judged program, by source; one scan."""
    every = [
        escape
        for name in CLASSES
        for escape in (*table(name).hostile, *table(name).honest)
        if escape.judged
    ]
    asked = {
        escape.source: ScanRequest(
            source=Source(data=escape.source.encode(), path="route.py"), mypy="off"
        )
        for escape in every
    }
    reports = scan(list(asked.values()))
    return {
        text: frozenset(
            item.rule
            for item in security.judge(
                request.source, capabilities=frozenset(), scans=reports
            ).findings
        )
        for text, request in asked.items()
    }


def found(sandbox: Sandbox, escape: Escape) -> str:
    """Return what held a program, as its line should say; empty when it got through."""
    if not escape.judged:
        answer = called(sandbox, escape)
        if answer.status is Status.VALUE or answer.detail.startswith("while loading"):
            return ""
        return str(answer.status)
    want = escape.code or escape.static
    rules = judged(sandbox, escape) if escape.code else scanned()[escape.source]
    return want if want in rules else " ".join(sorted(rules))


def expected(escape: Escape) -> str:
    """Return what should hold a program."""
    return escape.expect or escape.code or escape.static


def passes(sandbox: Sandbox, escape: Escape) -> bool:
    """Return whether an honest program gets what it deserves."""
    if escape.judged:
        return not judged(sandbox, escape) and not scanned()[escape.source]
    answer = called(sandbox, escape)
    return answer.value == escape.value.encode()


def controls(backend: str, klass: Class) -> dict[str, tuple[str, str]]:
    """Return, by name, how programs should end without the wall, and how they did."""
    wanted = [item for item in klass.hostile if item.alone or item.naive]
    programs = [("naive" if item.naive else "act", item.source) for item in wanted]
    rows = [{"input": row.input, "output": row.output} for row in proof.task("fuzz").rows]
    text = json.dumps({"programs": programs, "rows": rows})
    endings = _in_a_container(text) if backend == "docker" else _on_this_machine(text)
    return {
        item.name: ("fooled" if item.naive else item.alone, _fooled(item, ending))
        for item, ending in zip(wanted, endings, strict=True)
    }


def _fooled(item: Escape, ending: str) -> str:
    # A judge that looks at the exit code takes a silent success for a verdict.
    return "fooled" if item.naive and ending == "exit 0" else ending


def _on_this_machine(text: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-s", "-S", "-P", "-c", RUNNER.read_text()],
        input=text,
        env=CONDITIONS | CANARY,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    endings: list[str] = json.loads(ran.stdout)
    return endings


def _in_a_container(text: str) -> list[str]:
    import docker

    with contextlib.closing(docker.from_env(timeout=300)) as client:
        pieces = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
        out = client.containers.run(
            ensure_image(client),
            [str(interpreter()), "-s", "-S", "-P", "-c", RUNNER.read_text(), *pieces],
            network_mode="none",
            environment=CONDITIONS | CANARY,
            tmpfs={"/tmp": ""},
            log_config={"Type": "json-file"},
            remove=True,
        )
    endings: list[str] = json.loads(out)
    return endings


def _execution(sandbox: Sandbox, program: Program) -> Verdict:
    task = proof.task("fuzz")
    return execution.judge(
        sandbox=sandbox,
        program=program,
        cases=[execution.Case(input=r.key, place=r.place, quotable=True) for r in task.rows],
        malformed=derive(task.input, [task.rows[0].input], most=20),
        input_schema=task.input,
        output_schema=task.output,
        seed=SEED,
    )


def _accuracy(sandbox: Sandbox, program: Program) -> Verdict:
    task = proof.task("fuzz")
    with sandbox.open(program) as session:
        answers = session.call([row.key for row in task.rows])
    return accuracy.judge(
        rows=task.rows,
        answers={row.id: answer for row, answer in zip(task.rows, answers, strict=True)},
        settings=accuracy.AccuracySettings(),
        phase=Phase.ACCEPT,
        source_text=program.source.decode("utf-8").removeprefix(SOLUTION),
        spec_text=task.told,
    )


def _latency(sandbox: Sandbox, program: Program) -> Verdict:
    return latency.judge(
        sandbox=sandbox,
        program=program,
        inputs=[row.key for row in proof.task("fuzz").rows],
        settings=latency.LatencySettings(),
        reference_seconds=None,
        exclusive=contextlib.nullcontext(),
    )


def _fuzz(sandbox: Sandbox, program: Program) -> Verdict:
    task = proof.task("fuzz")
    return fuzz.judge(
        sandbox=sandbox,
        program=program,
        input_schema=task.input,
        output_schema=task.output,
        train_inputs=[row.input for row in task.rows],
        settings=fuzz.FuzzSettings(**task.settings),
        coverage=1.0,
        seed=SEED,
        references=task.references,
    )


def measure(backend: str, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return one row a class."""
    rows = []
    for name in CLASSES:
        klass = table(name)
        ends = {item.name: (expected(item), found(sandbox, item)) for item in klass.hostile}
        honest = [passes(sandbox, item) for item in klass.honest]
        alone = controls(backend, klass)
        rows.append(
            {
                "class": name,
                "backend": backend,
                "programs": len(ends),
                "held": sum(want == got for want, got in ends.values()),
                "through": sorted(key for key, (_, got) in ends.items() if not got),
                "otherwise": {
                    key: pair for key, pair in ends.items() if pair[1] and pair[0] != pair[1]
                },
                "controls": len(alone) + len(honest),
                "controls_passed": sum(want == got for want, got in alone.values()) + sum(honest),
                "controls_failed": {k: pair for k, pair in alone.items() if pair[0] != pair[1]},
            }
        )
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return 1 where a program got through or a control failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    os.environ.update(CANARY)
    rows: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for backend in options.backend or BACKENDS:
        try:
            sandbox = open_sandbox(backend)
        except SandboxError as error:
            absent[backend] = str(error)
            continue
        with contextlib.closing(sandbox):
            rows += measure(backend, sandbox)
    _print(rows, absent)
    if options.json:
        text = json.dumps({"rows": rows, "absent": absent}, indent=2, ensure_ascii=False)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    good = all(
        row["held"] == row["programs"] and row["controls"] == row["controls_passed"] for row in rows
    )
    return 0 if rows and good else 1


def _print(rows: Sequence[Mapping[str, Any]], absent: Mapping[str, str]) -> None:
    print(
        f"{'class':<10} {'backend':<8} {'programs':>8} {'held':>5} {'through':>8} {'controls':>9}"
    )
    for row in rows:
        print(
            f"{row['class']:<10} {row['backend']:<8} {row['programs']:>8} {row['held']:>5} "
            f"{len(row['through']):>8} {row['controls_passed']:>4}/{row['controls']:<4}"
        )
    for row in rows:
        for name in row["through"]:
            print(f"through: {row['backend']} {row['class']}: {name}")
        for kind in ("otherwise", "controls_failed"):
            for name, (want, got) in row[kind].items():
                line = f"{row['backend']} {row['class']}: {name}"
                print(f"{kind}: {line}: expected {want}, found {got}")
    for backend, reason in absent.items():
        print(f"{backend} was not asked: {reason}")


if __name__ == "__main__":
    raise SystemExit(main())

"""Wall time, memory and growth of compiling many specs from recordings, and of locked runs.

    python -m bench.compile [--units 100] [--curve 10,100,1000] [--json PATH]

The specs are copies of `examples/function` under other names, with their recordings renamed in the
same way, so that no two artifacts share a content address. The yardstick is timed in the same run:
the analysers once over the same files, the sandbox's own time inside the run, and Hypothesis
generating as many examples of the same strategies for nobody, one a test case.

Wall seconds depend on what else the machine does, so CPU seconds stand beside them: of the pytest
process, and of it and all processes it started. Bytecode is cached, as it is for users: a variable
that forbids it is not passed on.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions import proposing
from pytest_compiledai.functions import reference
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.gates.drawing import examples as draw_examples
from pytest_compiledai.gates.drawing import strategy
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import scan
from pytest_compiledai.llm.recording import Recordings

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "function"
FIRST = ROOT / "pytest_compiledai" / "commands" / "first"
PROBE = """
import json, os, resource, sys, time
import pytest

class Probe:
    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config):
        from pytest_compiledai.session import CONTROLLER
        controller = config.stash.get(CONTROLLER, None)
        if controller is None:
            return
        bench = controller.run.bench
        own = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        facts = {
            "sandbox_s": bench.sandbox.seconds() if "sandbox" in bench.__dict__ else 0.0,
            "own_cpu_s": own.ru_utime + own.ru_stime,
            "peak_mb": own.ru_maxrss / 1024,
            "peak_child_mb": children.ru_maxrss / 1024,
        }
        open(sys.argv[1], "w").write(json.dumps(facts))

sys.exit(pytest.main(sys.argv[2:], plugins=[Probe()]))
"""


def main() -> None:
    """Measure and print one table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--curve", default="", help="unit counts for the growth curve")
    parser.add_argument("--small", action="store_true", help="copies of `compiledai init`'s spec")
    parser.add_argument("--workers", type=int, default=0, help="xdist workers")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    _choose(small=options.small, workers=options.workers)
    figures: dict[str, Any] = measure(options.units)
    if options.curve:
        figures["curve"] = [_point(int(n)) for n in options.curve.split(",")]
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


#: What is copied, and arguments for pytest; set once by the command line.
_chosen: dict[str, Any] = {"folder": EXAMPLES, "golden": ROOT / "fixtures", "arguments": []}


def _choose(*, small: bool, workers: int) -> None:
    if small:
        _chosen.update(folder=FIRST, golden=FIRST)
    if workers:
        _chosen["arguments"] = ["-n", str(workers)]


def measure(units: int) -> dict[str, Any]:
    """Compile, then judge again in locked mode, and time the yardstick over the same files."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, units)
        compiled = run(root, "--compile")
        locked = run(root, "--compile-locked")
        yardstick = _yardstick(root)
    rest_s = yardstick["tools_s"] + compiled["sandbox_s"]
    allowed = rest_s + yardstick["hypothesis_s"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, units, examples=20)
        run(root, "--compile")
        short = run(root, "--compile-locked")
    return {
        "units": units,
        "compile": compiled,
        "yardstick": {**yardstick, "sandbox_s": compiled["sandbox_s"], "sum_s": allowed},
        "ratio": compiled["wall_s"] / allowed,
        "ratio_with_own_drawing": compiled["wall_s"] / (rest_s + yardstick["own_drawing_s"]),
        "ratio_target": 1.5,
        "locked": {**locked, "target_s": 30},
        "locked_20_examples": {**short, "target_s": 10},
    }


def _point(units: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, units, examples=20)
        done = run(root, "--compile")
    return {
        "units": units,
        "wall_s": done["wall_s"],
        "cpu_s": done["cpu_s"],
        "ms_a_unit": done["wall_s"] / units * 1e3,
        "cpu_ms_a_unit": done["cpu_s"] / units * 1e3,
        "peak_mb": done["peak_mb"],
    }


def run(root: Path, mode: str) -> dict[str, Any]:
    """Run pytest in a process of its own and return wall seconds, sandbox seconds and memory."""
    facts = root / "facts.json"
    arguments = [mode, "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "specs"]
    arguments += _chosen["arguments"]
    start, before = time.perf_counter(), _children_cpu_s()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(facts), *arguments],
        cwd=root,
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        capture_output=True,
        text=True,
        check=False,
    )
    wall_s, cpu_s = time.perf_counter() - start, _children_cpu_s() - before
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-2000:])
    return {"wall_s": wall_s, "cpu_s": cpu_s, **json.loads(facts.read_text(encoding="utf-8"))}


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_project(root: Path, units: int, *, examples: int | None = None) -> None:
    """Write a project of renamed copies of the examples, recordings included."""
    (root / "specs").mkdir()
    (root / "fixtures").mkdir()
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    bases = [path for path in sorted(_chosen["folder"].glob("*.yaml")) if _is_recorded(path)]
    for number in range(units):
        base = bases[number % len(bases)]
        _copy(root, base, f"{base.stem}_{number:04d}", examples)


def _is_recorded(base: Path) -> bool:
    from pytest_compiledai.asking import request_of

    opening = request_of(proposing.opening(_unit(ROOT, base)), 0)
    return bool(Recordings(base.parent / "recordings").find(opening.key))


def _copy(root: Path, base: Path, name: str, examples: int | None) -> None:
    text = base.read_text(encoding="utf-8")
    text = text.replace(f"name: {base.stem}\n", f"name: {name}\n", 1)
    text = re.sub(
        r"^golden: .*$", f"golden: ../fixtures/{base.stem}.jsonl", text, flags=re.MULTILINE
    )
    if examples is not None:
        text = re.sub(r"examples: \d+", f"examples: {examples}", text)
        if "examples:" not in text:
            text = re.sub(r"fuzz: \{", f"fuzz: {{examples: {examples}, ", text)
    (root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    shutil.copy(_chosen["golden"] / f"{base.stem}.jsonl", root / "fixtures")
    _copy_recordings(root, base, name)


def _copy_recordings(root: Path, base: Path, name: str) -> None:
    """Record under the new name what was recorded under the old, following the repairs."""
    from pytest_compiledai.asking import request_of

    old = _unit(ROOT, base)
    new = _unit(root, root / "specs" / f"{name}.yaml")
    source, target = (
        Recordings(base.parent / "recordings"),
        Recordings(root / "specs" / "recordings"),
    )
    stored = base.parent / "recordings" / f"{base.stem}.reference.json"
    target.folder.mkdir(exist_ok=True)
    inputs: list[Any] = []
    if stored.exists():
        shutil.copy(stored, target.folder / f"{name}.reference.json")
        inputs = json.loads(stored.read_text(encoding="utf-8"))["examples"]
    for batch in reference.batches(inputs):
        asked = request_of(prompt.reference(old, batch), 0)
        reply = source.choose(asked, model=None, preferred=None)
        target.store(request_of(prompt.reference(new, batch), 0), reply)
    final = _last_reply(source, request_of(proposing.opening(old), 0))
    camel = lambda unit: "".join(part.title() for part in unit.split("_"))  # noqa: E731
    # Only the function and its types: the old name may be data too, as in book_table.
    renamed = re.sub(rf"\b{base.stem}(?=\()", name, final.text)
    renamed = renamed.replace(camel(base.stem), camel(name))
    target.store(request_of(proposing.opening(new), 0), _with_text(final, renamed))


def _last_reply(source: Recordings, opening: Any) -> Any:
    """Return the last answer of the chain that begins with ``opening``: the one that passed."""
    best, length = source.choose(opening, model=None, preferred=None), 0
    prefix = [(m.role, m.content) for m in opening.messages]
    for path in source.folder.glob("*.json"):
        if path.name.endswith(".reference.json"):
            continue
        key = path.name.split(".")[0]
        messages = _messages(path)
        if messages[: len(prefix)] == prefix and len(messages) > length:
            best, length = source.find(key)[0], len(messages)
    return best


def _messages(path: Path) -> list[tuple[str, str]]:
    found = json.loads(path.read_text(encoding="utf-8"))["request"]["messages"]
    return [
        (m["role"], "\n".join(m["content"]) if isinstance(m["content"], list) else m["content"])
        for m in found
    ]


def _with_text(reply: Any, text: str) -> Any:
    from dataclasses import replace

    return replace(reply, text=text)


def _unit(root: Path, path: Path) -> Any:
    relative = path.relative_to(root).as_posix()
    (document,) = read_documents(path.read_bytes(), relative)
    return FunctionKind().read(document, Project(root=root))[0].body


def _yardstick(root: Path) -> dict[str, float]:
    sources = [
        Source(data=path.read_bytes(), path=path.name)
        for path in sorted((root / "compiled").glob("[a-z]*.py"))
    ]
    start = time.perf_counter()
    scan([ScanRequest(source=source) for source in sources])
    tools_s = time.perf_counter() - start
    specs = [_unit(root, path) for path in sorted((root / "specs").glob("*.yaml"))]
    drawn = [(spec, [row.input for row in spec.rows_in(Split.TRAIN)]) for spec in specs]
    start = time.perf_counter()
    for number, (spec, train) in enumerate(drawn):
        _generate(strategy(spec.input, train), spec.fuzz.examples, number)
    hypothesis_s = time.perf_counter() - start
    start = time.perf_counter()
    for number, (spec, train) in enumerate(drawn):
        draw_examples(spec.input, train, count=spec.fuzz.examples, seed=number)
    own_s = time.perf_counter() - start
    return {"tools_s": tools_s, "hypothesis_s": hypothesis_s, "own_drawing_s": own_s}


def _generate(drawn_from: Any, count: int, seed: int) -> None:
    """Have Hypothesis generate ``count`` examples, one a test case, for nobody."""
    import hypothesis

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(drawn_from)
    def nobody(_: Any) -> None:
        pass

    nobody()


if __name__ == "__main__":
    main()

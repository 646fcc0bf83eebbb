"""What production pays: a call through `compiled`, a load with its hash check, reading the lock.

A load has three parts: the loader's own (reading, hashing, comparing), CPython's compiler over the
text, and executing the module (its regular expressions among it). Each artifact is loaded once.
Parts are CPU time, which a busy machine changes less; the whole is told in both.

python -m bench.runtime [--folder DIR], where DIR has compiled/ and compiledai.lock
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

PROBE = """
import json, sys, time, timeit
from statistics import median
sys.path.insert(0, {folder!r})
t = time.perf_counter(); import compiled; imported = time.perf_counter() - t
names = {names!r}
parts = {{"compile": [], "execute": []}}
def timed(part, call):
    def timed_call(*args, **more):
        t = time.process_time()
        try:
            return call(*args, **more)
        finally:
            parts[part].append(time.process_time() - t)
    return timed_call
compiled.compile, compiled.exec = timed("compile", compile), timed("execute", exec)
t = time.perf_counter(); compiled.load(names[0]); first = time.perf_counter() - t
loads, cpu = [], []
for name in names[1:]:
    t, c = time.perf_counter(), time.process_time()
    compiled.load(name)
    loads.append(time.perf_counter() - t); cpu.append(time.process_time() - c)
namespace = {{}}
exec("from compiled import " + names[0] + " as through", namespace)
through = namespace["through"]
bare = compiled.load(names[0])
value = json.loads({value!r})
n = 5000
def best(call):
    return min(timeit.repeat(call, timer=time.process_time, number=n, repeat=3))
rounds = [(best(lambda: through(value)), best(lambda: bare(value))) for _ in range(5)]
over = min(a - b for a, b in rounds) / n
print(json.dumps({{
    "import_ms": imported * 1e3,
    "lock_and_first_load_ms": first * 1e3,
    "load_ms_median": median(loads) * 1e3,
    "load_cpu_ms_median": median(cpu) * 1e3,
    "load_own_ms_median": median(
        [a - b - c for a, b, c in zip(cpu, parts["compile"][1:], parts["execute"][1:])]) * 1e3,
    "load_compile_ms_median": median(parts["compile"][1:]) * 1e3,
    "load_execute_ms_median": median(parts["execute"][1:]) * 1e3,
    "load_ms_worst": max(loads) * 1e3,
    "call_us_bare": min(b for _, b in rounds) / n * 1e6,
    "call_us_over_bare": over * 1e6,
}}))
"""


def main() -> None:
    """Measure in a process that has neither pytest nor this package loaded, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path())
    folder = parser.parse_args().folder.resolve()
    names = sorted(path.stem for path in (folder / "compiled").glob("[a-z]*.py"))
    if len(names) < 2:  # the first load reads the lock, the others are timed
        parser.error(
            f"--folder {folder}: found {len(names)} artifacts in compiled/; expected two or more "
            "of the examples; next: pytest --compile examples/function, in a copy of the checkout"
        )
    fixture = (
        Path(__file__).parents[1] / "fixtures" / f"{re.sub(r'_[0-9]{4}$', '', names[0])}.jsonl"
    )
    value = json.dumps(json.loads(fixture.read_text(encoding="utf-8").splitlines()[0])["input"])
    code = PROBE.format(folder=str(folder), names=names, value=value)
    command = [sys.executable, "-I", "-c", code]
    out = subprocess.run(command, capture_output=True, check=True, text=True)
    figures = json.loads(out.stdout)
    print(json.dumps(figures, indent=2))
    for name, value in figures.items():
        print(f"{name:<24} {value:>9.3f}" if value is not None else f"{name:<24}")


if __name__ == "__main__":
    main()

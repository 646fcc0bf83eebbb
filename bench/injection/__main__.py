"""What injected texts can do: as run-time data, as spec and golden text, with an obedient model.

python -m bench.injection [--json PATH] [--part NAME ...]

Parts: data, fencing, planted, backdoors, asked, detection. The sets are read from
`shared/data/injection` beside the repository; without them the project's own cases remain.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.injection import asked
from bench.injection import data
from bench.injection import detection
from bench.injection import fencing
from bench.injection import planted
from bench.injection.cases import cyberseceval
from bench.injection.cases import notinject
from bench.injection.cases import own
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.sandbox.ladder import open_sandbox


def main() -> None:
    """Measure the chosen parts and print a table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", action="append", choices=[*_PARTS], default=[])
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    sandbox = open_sandbox("auto")
    try:
        for name in options.part or _PARTS:
            with tempfile.TemporaryDirectory() as folder:
                figures[name] = _PARTS[name](sandbox, Path(folder))
            print(f"\n{name}")
            _show(figures[name])
    finally:
        sandbox.close()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _show(found: Any) -> None:
    for item in found.items() if isinstance(found, dict) else enumerate(found):
        print(f"  {item[0]}: {json.dumps(item[1], ensure_ascii=False)}")


_PARTS: dict[str, Callable[[Sandbox, Path], Any]] = {
    "data": lambda sandbox, _: data.measure(sandbox, [*own(), *cyberseceval(), *notinject()]),
    "fencing": lambda _, folder: (
        fencing.measure([*own(), *cyberseceval()])
        | {"granted by asking": fencing.ungranted(folder)}
    ),
    "planted": lambda _, folder: planted.refuse(folder / "planted"),
    "backdoors": lambda sandbox, folder: planted.backdoors(sandbox, folder / "doors"),
    "asked": lambda sandbox, _: asked.measure(sandbox),
    "detection": lambda *_: detection.measure(),
}


if __name__ == "__main__":
    main()

"""Compiles Triton kernels ahead of time; a process of its own that reads jobs and writes facts.

The sources have passed the allow-list. This process is not locked, because ``ptxas`` is a program
of its own: it has a clean environment, a private folder and a deadline, and no more.
"""

from __future__ import annotations

import json
import signal
import sys
import types
from pathlib import Path
from typing import Any


class LateError(Exception):
    """One kernel took longer to compile than the budget allows."""


def _late(*_: Any) -> None:
    raise LateError


def _module(path: Path) -> dict[str, Any]:
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module.__dict__


def _kernel(job: dict[str, Any]) -> dict[str, Any]:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    function = _module(Path(job["path"]))[job["kernel"]]
    attributes = {(place,): [["tt.divisibility", 16]] for place in job["aligned"]}
    constants = {(function.arg_names.index(k),): v for k, v in job["constants"].items()}
    source = ASTSource(function, job["signature"], constants, attributes)
    target = GPUTarget("cuda", job["capability"], 32)
    compiled = triton.compile(source, target=target, options=job["options"])
    out = Path(job["out"])
    out.write_bytes(compiled.asm["cubin"])
    return {"shared": compiled.metadata.shared, "cubin": out.name}


def main(path: str) -> None:
    """Do every job of a file, one JSON line each as it is done."""
    signal.signal(signal.SIGALRM, _late)
    for job in json.loads(Path(path).read_text(encoding="utf-8")):
        signal.alarm(job["timeout_s"])
        try:
            facts = _kernel(job)
        except LateError:
            facts = {"error": f"no end after {job['timeout_s']} s"}
        except BaseException as error:  # noqa: BLE001 - the compiler raises anything
            facts = {"error": f"{type(error).__name__}: {_last(error)}"[:400]}
        signal.alarm(0)
        sys.stdout.write(json.dumps({"id": job["id"], **facts}) + "\n")
        sys.stdout.flush()


def _last(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" ^")]
    return lines[-1] if lines else "no word"


if __name__ == "__main__":
    main(sys.argv[1])

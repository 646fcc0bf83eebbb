"""The other side of ``apart``: torch is loaded here, and kernels are asked from here.

    python -P -m pytest_compiledai.kernels.answering

Questions come in through standard input from the process that started this one, pickled; answers
go out as JSON. It ends when the questions do.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from typing import BinaryIO

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.kernels import timing
from pytest_compiledai.kernels import values
from pytest_compiledai.kernels.apart import LENGTH
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.native import NotBuiltError


def compared(contract: Contract, candidate: Candidate, dtype: str, seed: int) -> Any:
    """Return what the cases of one dtype showed."""
    return asdict(values.ask(contract, candidate, dtype=dtype, seed=seed))


def measured(contract: Contract, candidate: Candidate, dtype: str) -> Any:
    """Return the nanoseconds of a C++ candidate and of the framework."""
    return timing.measure(contract, candidate, dtype=dtype)


QUESTIONS: Mapping[str, Callable[..., Any]] = {"compared": compared, "measured": measured}


def answer(question: str, arguments: Any) -> Any:
    """Return the answer, or the error as plain data."""
    try:
        return {"value": QUESTIONS[question](*arguments)}
    except SandboxError as error:
        return {"sandbox": _parts(error)}
    except ToolError as error:
        return {"tool": _parts(error)}
    except (FaultError, NotBuiltError) as error:
        return {"failed": str(error)}
    except Exception as error:  # noqa: BLE001 - a reference is somebody else's
        return {"failed": f"{type(error).__name__}: {error}"}


def _parts(error: CompiledAIError) -> dict[str, str]:
    return {name: str(getattr(error, name)) for name in ("where", "found", "expected", "next")}


def main() -> None:
    """Answer until there are no more questions."""
    # What prints while torch is loaded must not stand between two answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (question := _next(sys.stdin.buffer)) is not None:
        data = json.dumps(answer(*question)).encode()
        out.write(LENGTH.pack(len(data)) + data)
        out.flush()


def _next(stream: BinaryIO) -> Any:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    # Written by the process that started this one, and by no other.
    return pickle.loads(stream.read(size))  # noqa: S301


if __name__ == "__main__":
    main()

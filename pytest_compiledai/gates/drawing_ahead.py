"""Drawing the fuzz gate's examples beside the other gates, in a process of its own.

Drawing is the same in every process and costs more than any other gate does in this one, while the
sandbox has the other processor. Where the drawing process gives no answer, the examples are drawn
here: it can make a run slower and never another one.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from typing import IO
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeAlias

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.gates.drawing import drawn_or_none

if TYPE_CHECKING:
    from pytest_compiledai.core.schema import Schema

Drawn: TypeAlias = "tuple[bytes, ...]"
_KEPT = 8  # draws that nobody came for, because a gate before failed
_END_S = 5.0


class Drawer:
    """Draws in a process that is started at first use; safe to be used from one thread."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_mute = False
        self._begun: dict[str, Future[Drawn | None]] = {}

    def begin(self, schema: Schema, train_inputs: Sequence[Any], *, count: int, seed: int) -> None:
        """Begin to draw, unless that was begun already."""
        order = _order(schema, train_inputs, count, seed)
        key = digest_of(order)
        if key in self._begun:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compiledai-draw")
        self._begun[key] = self._pool.submit(self._ask, order)
        while len(self._begun) > _KEPT:
            del self._begun[next(iter(self._begun))]

    def examples(
        self, schema: Schema, train_inputs: Sequence[Any], *, count: int, seed: int
    ) -> Drawn:
        """Return what ``drawing.examples`` returns; empty where nothing can be drawn."""
        self.begin(schema, train_inputs, count=count, seed=seed)
        future = self._begun.pop(digest_of(_order(schema, train_inputs, count, seed)))
        drawn = future.result()
        if drawn is None:
            drawn = drawn_or_none(schema, train_inputs, count=count, seed=seed)
        return drawn

    def close(self) -> None:
        """End the process, if it was started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_END_S)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._process is not None and self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.stdout.close()

    def _ask(self, order: dict[str, Any]) -> Drawn | None:
        """Return what the process answers; None where it gives no answer, and from then on."""
        if self._is_mute:
            return None
        try:
            if self._process is None:
                self._process = _start()
            stdin, stdout = self._process.stdin, self._process.stdout
            assert stdin is not None
            assert stdout is not None
            # Pickled, because JSON would not give back every text as it is.
            pickle.dump(order, stdin)
            stdin.flush()
            return tuple(text.encode("ascii") for text in json.loads(stdout.readline()))
        except (OSError, ValueError, TypeError, AttributeError, pickle.PicklingError):
            self._is_mute = True  # a later answer could be the one to this order
            return None


def _order(schema: Schema, train_inputs: Sequence[Any], count: int, seed: int) -> dict[str, Any]:
    return {
        "schema": schema.data,
        "closed": schema.closed,
        "train": list(train_inputs),
        "count": count,
        "seed": seed,
    }


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "HYPOTHESIS_NO_PLUGINS": "1",  # other packages have no say in what is drawn
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def main() -> None:
    """Answer each order with a line: the examples as JSON texts."""
    from pytest_compiledai.core.place import Place
    from pytest_compiledai.core.schema import Schema

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    while (order := _next(sys.stdin.buffer)) is not None:
        schema = Schema.parse(
            order["schema"], lambda *_: Place(path="schema"), closed=order["closed"]
        )
        drawn = drawn_or_none(schema, order["train"], count=order["count"], seed=order["seed"])
        print(json.dumps([data.decode("ascii") for data in drawn]), file=answers, flush=True)


def _next(orders: IO[bytes]) -> dict[str, Any] | None:
    try:
        order: dict[str, Any] = pickle.load(orders)  # noqa: S301 - from the process that began this one
    except EOFError:
        return None
    return order


if __name__ == "__main__":
    main()

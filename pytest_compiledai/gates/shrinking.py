"""Making a counterexample small: simpler values, as long as they fail the same way.

Works on the value and not on Hypothesis' choices: an edited train input shrinks as well as a drawn
one, simpler values are tried a batch at a time, and the bound is a number of calls, not a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeAlias

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.gates.replacing import replaced

if TYPE_CHECKING:
    from pytest_compiledai.core.schema import Schema

#: Says of each input whether it fails in the same way.
Fails: TypeAlias = "Callable[[Sequence[bytes]], list[bool]]"
Way: TypeAlias = "tuple[str | int, ...]"
_BATCH = 32  # simpler values tried at once


def shrink(value: Any, schema: Schema, fails: Fails, *, calls: int) -> Any:
    """Return a value at most as large that fails too; ``calls`` bounds the inputs tried."""
    tried = {canonical_json(value)}
    while True:
        simpler = _first(value, schema, fails, tried, calls)
        if simpler is None:
            return value
        value = simpler[0]


def _first(
    value: Any, schema: Schema, fails: Fails, tried: set[bytes], calls: int
) -> tuple[Any] | None:
    """Return the first simpler value that fails, in a tuple; None where none does."""
    waiting: list[tuple[bytes, Any]] = []
    stream = _simpler(value)
    ended = False
    while not ended:
        item = next(stream, None)
        ended = item is None or len(tried) >= calls
        if item is not None and not ended:
            data = canonical_json(item[0])
            if data not in tried and not schema.problems(item[0]):
                tried.add(data)
                waiting.append((data, item[0]))
        if waiting and (ended or len(waiting) == _BATCH):
            failing = fails([data for data, _ in waiting])
            for (_, candidate), failed in zip(waiting, failing, strict=True):
                if failed:
                    return (candidate,)
            waiting = []
    return None


def _simpler(value: Any) -> Iterator[tuple[Any]]:
    """Yield simpler forms, the boldest first; each differs from ``value`` in one place."""
    places = sorted(_places(value, ()), key=lambda place: len(place[0]))
    rounds = [list(_steps(inner)) for _, inner in places]
    for bold in range(max((len(steps) for steps in rounds), default=0)):
        for (way, _), steps in zip(places, rounds, strict=True):
            if bold < len(steps):
                yield (replaced(value, way, steps[bold]),)


def _places(value: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    yield way, value
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _places(value[key], (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*way, index))


def _steps(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield {name: item for name, item in value.items() if name != key}
    elif isinstance(value, str):
        yield from _texts(value)
    elif isinstance(value, list):
        yield from _cuts(value)
    elif isinstance(value, bool):
        if value:
            yield False
    elif isinstance(value, int | float):
        yield from _numbers(value)


def _texts(text: str) -> Iterator[str]:
    yield from _cuts(text)
    for plain in ("a" * len(text), "0" * len(text), text.lower()):
        if plain < text or (plain != text and not text.isascii()):
            yield plain
    for index, letter in enumerate(text[:40]):
        for plain in "a0":
            if letter not in "a0":
                yield f"{text[:index]}{plain}{text[index + 1 :]}"


def _cuts(items: Any) -> Iterator[Any]:
    """Yield a text or a list without one run of items: all, halves, quarters, down to one."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2


def _numbers(value: float) -> Iterator[float]:
    whole = int(value)  # whole numbers only from here: a product of floats may be infinite
    size, sign = abs(whole), -1 if value < 0 else 1
    for near in (0, 1, size, size // 10, size // 2, size * 3 // 4, size * 7 // 8, size - 1):
        simple = sign * near
        if abs(simple) < abs(value) or (simple == value and type(simple) is not type(value)):
            yield simple

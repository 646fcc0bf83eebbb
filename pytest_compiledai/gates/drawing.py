"""Drawing the fuzz gate's examples: Hypothesis generates, a seed decides, nothing is stored."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.gates.edits import edit
from pytest_compiledai.gates.strategies import Strategies

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from pytest_compiledai.core.schema import Schema

_EDITS = 3  # most edits of one train input
_SEEDS = 2**31  # of the edits' generator
# One test case of Hypothesis' draws many inputs: its work between two cases costs several times
# what drawing an input does. A case that grows too large would be thrown away by it.
_CASES = 6  # of one round; the first is the simplest input again and again
_INPUTS = 40  # most of one case
_CHARACTERS = 3_000  # of JSON, after which a case is full
_ENOUGH = 0.9  # the share to be drawn; edits make up for the rest
_TRIES = 50  # for each reference example, before there are fewer


def examples(
    schema: Schema, train_inputs: Sequence[Any], *, count: int, seed: int
) -> tuple[bytes, ...]:
    """Return distinct inputs as canonical JSON, at most ``count``, all valid by ``schema``.

    Half are drawn from the schema, half are edits of train inputs; edits also make up for what
    Hypothesis drew twice. The same arguments give the same inputs in every process.
    Raises Hypothesis' ``Unsatisfiable`` where none can be drawn.
    """
    drawn: dict[bytes, None] = {}
    generate(strategy(schema, train_inputs), drawn, count=count, seed=seed)
    more = _more(schema, train_inputs, count - len(drawn), seed, known=drawn.keys())
    return (*drawn, *more)


def drawn_or_none(
    schema: Schema, train_inputs: Sequence[Any], *, count: int, seed: int
) -> tuple[bytes, ...]:
    """Return the examples; none where Hypothesis can draw none."""
    # A heavy import, needed by the fuzz gate alone.
    from hypothesis.errors import Unsatisfiable

    try:
        return examples(schema, train_inputs, count=count, seed=seed)
    except Unsatisfiable:
        return ()


def strategy(schema: Schema, train_inputs: Sequence[Any]) -> SearchStrategy[Any]:
    """Return the strategy of the examples."""
    made = Strategies(texts=[text for value in train_inputs for text in _texts(value)])
    plain = made.of(schema.node)
    if not train_inputs:
        return plain
    st = made.st
    # An edit is drawn as the seed of its generator: one choice, so that drawing stays cheap.
    edited = st.integers(0, _SEEDS - 1).map(
        lambda seed: _edited(schema, train_inputs, Random(seed))  # noqa: S311 - repeats, no secret
    )
    mixed: SearchStrategy[Any] = st.one_of(plain, edited)
    return mixed


def _edited(schema: Schema, bases: Sequence[Any], random: Random) -> Any:
    value = random.choice(bases)
    for _ in range(random.randint(1, _EDITS)):
        value = edit(value, schema, bases, random)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def generate(
    drawn_from: SearchStrategy[Any], drawn: dict[bytes, None], *, count: int, seed: int
) -> None:
    """Fill ``drawn`` with up to ``count`` examples, in the order they are drawn.

    Raises Hypothesis' ``Unsatisfiable`` where none can be drawn.
    """
    while len(drawn) < _ENOUGH * count:
        before = len(drawn)
        _round(drawn_from, drawn, count=count, seed=seed + before)
        if len(drawn) == before:
            break


def _round(
    drawn_from: SearchStrategy[Any], drawn: dict[bytes, None], *, count: int, seed: int
) -> None:
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisDeprecationWarning
    from hypothesis.errors import Unsatisfiable

    inputs = min(_INPUTS, math.ceil((count - len(drawn)) / (_CASES - 1)))

    @st.composite
    def cases(draw: Callable[[SearchStrategy[Any]], Any]) -> None:
        size = 0
        for _ in range(inputs):
            data = canonical_json(draw(drawn_from))
            # Kept as soon as it is drawn: a later input may be refused, and the case with it.
            if len(drawn) < count:
                drawn[data] = None
            size += len(data)
            if size > _CHARACTERS:
                break

    settings = hypothesis.settings(
        max_examples=_CASES,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,  # the seed decides; derandomizing would key on this function's source
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        stateful_step_count=1,
        backend="hypothesis",
    )

    @hypothesis.seed(seed)
    @settings
    @hypothesis.given(cases())
    def collect(_: Any) -> None:
        pass

    with _no_local_constants(), warnings.catch_warnings():
        # Other threads of a live run draw from the shared generator; what is drawn here never does.
        warnings.simplefilter("ignore", HypothesisDeprecationWarning)
        try:
            collect()
        except Unsatisfiable:  # of whole cases; single inputs may well have been drawn
            if not drawn:
                raise


@contextlib.contextmanager
def _no_local_constants() -> Iterator[None]:
    """Keep Hypothesis from mixing constants of the imported modules into what it draws.

    It reads the source of every local module that happens to be imported, which differs between
    two workers of one run, and caches what it found in the project. There is no setting for it.
    """
    from hypothesis.internal.conjecture import providers

    original = getattr(providers, "_get_local_constants", None)
    cache = getattr(providers, "CONSTANTS_CACHE", None)
    if original is None or cache is None:  # pragma: no cover - releases without that feature
        yield
        return
    empty = type(providers.GLOBAL_CONSTANTS)()
    cache.cache.clear()
    providers._get_local_constants = lambda: empty  # noqa: SLF001
    try:
        yield
    finally:
        providers._get_local_constants = original  # noqa: SLF001
        cache.cache.clear()


def draw_references(
    input_schema: Schema, train_inputs: Sequence[Any], n: int, seed: int
) -> tuple[Any, ...]:
    """Return ``n`` distinct edits of train inputs, valid by the schema, none of them a train input.

    Fewer where no more can be found; the same arguments give the same inputs everywhere.
    """
    known = {canonical_json(value) for value in train_inputs}
    return tuple(_more(input_schema, train_inputs, n, seed, known=known).values())


def _more(
    schema: Schema, train_inputs: Sequence[Any], n: int, seed: int, *, known: Collection[bytes]
) -> dict[bytes, Any]:
    """Return up to ``n`` edits that are not in ``known``, by their canonical JSON."""
    random = Random(seed)  # noqa: S311 - a draw that repeats, no secret
    drawn: dict[bytes, Any] = {}
    for _ in range(n * _TRIES if train_inputs else 0):
        if len(drawn) == n:
            break
        value = _edited(schema, train_inputs, random)
        data = canonical_json(value)
        if data not in known:
            drawn.setdefault(data, value)
    return drawn

"""Hypothesis strategies made from a schema's tree: every value drawn conforms to the schema.

Of our own: the known bridge library raises on every object schema with today's Hypothesis. Texts
are built from an alphabet here and not by ``st.text``, which writes a file into the project.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.conform import compile_judge
from pytest_compiledai.core.conform import judge_value
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.gates.comparators import identity
from pytest_compiledai.gates.patterns import pattern_strategy

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ALPHABET: Final = (
    *"a0 Zb1-.,:/\n$%€@#'\"()\t\\{}<>&_+*=;!?",
    *"éßİñøłЖ中日٣²½ﬁ",  # letters and digits that fold, count or normalise in unusual ways
    *("\u00a0", "\u200b", "\u202e", "\u0301", "\ufeff", "\x00", "\x1b", "\U0001f600"),
)
ODD_TEXTS: Final = (
    "", " ", "0", "a", "-1", "1,234.50", "1e999", "NaN", "null", "2024-02-30", "31/12/1999",
    "A" * 300, "\n\n", "\u0661\u0662", "$", "()", "[[", "%s{0}", "<b>", "; DROP",
)  # fmt: skip
_MORE_ITEMS: Final = 4  # beyond the least, in a list or a text that is drawn
_MOST_CHARACTERS: Final = 24  # of a text drawn by character
_WHOLE: Final = 10**6  # of a number without bounds, most of the time
_EXTRA_KEYS: Final = ("extra", "x-note", "")
_POOL: Final = 60  # train texts that are drawn as they are


class Strategies:
    """Makes strategies for nodes; ``texts`` are strings of train inputs, drawn as they are."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        # A heavy import, needed by the fuzz gate alone.
        from hypothesis import strategies as st

        self.st = st
        self.pool = (*ODD_TEXTS, *list(dict.fromkeys(texts))[:_POOL])
        self.makers: dict[type, Callable[[Any], SearchStrategy[Any]]] = {
            ObjectNode: self.object,
            ArrayNode: self.array,
            StringNode: self.string,
            IntegerNode: self.integer,
            NumberNode: self.number,
            BooleanNode: lambda _: st.booleans(),
            NullNode: lambda _: st.none(),
            EnumNode: lambda node: st.sampled_from(node.values),
            UnionNode: lambda node: st.one_of([self.of(option) for option in node.options]),
        }

    def of(self, node: Node) -> SearchStrategy[Any]:
        """Return the strategy whose values conform to ``node``."""
        return self.makers[type(node)](node)

    def object(self, node: ObjectNode) -> SearchStrategy[Any]:
        """Return objects with the required, some optional and at times unnamed properties."""
        named = {name: self.of(child) for name, child in node.properties.items()}
        needed = {name: made for name, made in named.items() if name in node.required}
        optional = {name: made for name, made in named.items() if name not in node.required}
        if node.additional is not False:
            value = self.scalar() if node.additional is True else self.of(node.additional)
            name = next(key for key in _EXTRA_KEYS if key not in named)
            optional[name] = value
        return self.st.fixed_dictionaries(needed, optional=optional)

    def scalar(self) -> SearchStrategy[Any]:
        """Return values for a property of which the schema says nothing."""
        return self.st.sampled_from([None, True, 0, -1.5, "", "x", [], {}])

    def array(self, node: ArrayNode) -> SearchStrategy[Any]:
        """Return lists within their bounds."""
        most = node.min_items + _MORE_ITEMS
        if node.max_items is not None:
            most = min(most, node.max_items)
        return self.st.lists(
            self.of(node.items),
            min_size=node.min_items,
            max_size=most,
            unique_by=identity if node.unique else None,
        )

    def string(self, node: StringNode) -> SearchStrategy[Any]:
        """Return texts: odd ones, those of train inputs, and some by character."""
        judge = compile_judge(node)
        fitting = [text for text in self.pool if not judge_value(judge, text)]
        if node.pattern is not None:
            drawn = pattern_strategy(node.pattern, ALPHABET)
        elif node.format is not None:
            drawn = self.formatted(node.format)
        else:
            return self._of_pool(fitting, self.characters(node))
        return self._of_pool(fitting, drawn.filter(lambda text: not judge_value(judge, text)))

    def _of_pool(self, fitting: Sequence[str], drawn: SearchStrategy[str]) -> SearchStrategy[str]:
        return self.st.one_of(self.st.sampled_from(fitting), drawn) if fitting else drawn

    def characters(self, node: StringNode) -> SearchStrategy[str]:
        """Return texts by character within the bounds of their length."""
        least = node.min_length
        most = least + _MOST_CHARACTERS
        if node.max_length is not None:
            most = min(most, node.max_length)
        # A text is one choice and not one or two a character: drawing stays cheap.
        drawn = self.st.binary(min_size=least, max_size=most)
        return drawn.map(lambda data: "".join(ALPHABET[byte % len(ALPHABET)] for byte in data))

    def formatted(self, name: str) -> SearchStrategy[str]:
        """Return texts of a format; each is built from numbers."""
        st = self.st

        def pair(most: int) -> SearchStrategy[str]:
            made: SearchStrategy[str] = st.integers(0, most).map(lambda n: f"{n:02d}")
            return made

        day = st.dates().map(lambda value: value.isoformat())
        time = st.tuples(
            pair(23), pair(59), pair(59), st.sampled_from(["Z", "+05:45", "-11:00"])
        ).map(lambda parts: "{}:{}:{}{}".format(*parts))
        word = st.lists(st.sampled_from("abcxyz019"), min_size=1, max_size=8).map("".join)
        makers: dict[str, Callable[[], SearchStrategy[str]]] = {
            "date": lambda: day,
            "time": lambda: time,
            "date-time": lambda: st.tuples(day, time).map("T".join),
            "email": lambda: st.tuples(word, word).map(lambda p: f"{p[0]}@{p[1]}.example"),
            "ipv4": lambda: st.tuples(*[st.integers(0, 255)] * 4).map(
                lambda parts: ".".join(map(str, parts))
            ),
            "uri": lambda: st.tuples(word, word).map(
                lambda p: f"https://{p[0]}.example/{p[1]}?q=1"
            ),
            "uuid": lambda: st.uuids().map(str),
        }
        return makers[name]()

    def integer(self, node: IntegerNode) -> SearchStrategy[Any]:
        """Return whole numbers, mostly near, at times at or towards the bounds."""
        step = node.multiple_of or 1
        low = None if node.minimum is None else -(-node.minimum // step)
        high = None if node.maximum is None else node.maximum // step
        near_low = low if low is not None else (min(-_WHOLE, high) if high is not None else -_WHOLE)
        near_high = high if high is not None else max(_WHOLE, near_low + _WHOLE)
        drawn = self.st.integers(near_low, near_high)
        far = [10**18, -(10**18), 2**53 + 1, 10**30]
        inside = [n for n in far if (low is None or n >= low) and (high is None or n <= high)]
        if inside:
            drawn = self.st.one_of(drawn, drawn, drawn, self.st.sampled_from(inside))
        return drawn.map(lambda n: n * step) if step != 1 else drawn

    def number(self, node: NumberNode) -> SearchStrategy[Any]:
        """Return finite numbers, whole ones and floats."""
        if node.multiple_of is not None:
            return self.multiples(node, _fraction(node.multiple_of))
        low, high = _float_bounds(node)
        judge = compile_judge(node)
        floats = self.st.floats(
            min_value=low, max_value=high, allow_nan=False, allow_infinity=False
        ).filter(lambda value: not judge_value(judge, value))
        first = -_WHOLE if low is None else math.ceil(low)
        last = first + 2 * _WHOLE if high is None else math.floor(high)
        if low is None and high is not None:
            first = min(first, last - _WHOLE)
        if first > last:
            return floats
        cents = self.st.integers(first * 100, last * 100).map(lambda n: n / 100)
        near = self.st.one_of(self.st.integers(first, last), cents)
        return self.st.one_of(near.filter(lambda value: not judge_value(judge, value)), floats)

    def multiples(self, node: NumberNode, step: Fraction) -> SearchStrategy[Any]:
        """Return multiples of a decimal step, few enough digits that a float holds them."""
        judge = compile_judge(node)
        low, high = _float_bounds(node)
        first = -_WHOLE if low is None else math.ceil(_fraction(low) / step)
        last = first + 2 * _WHOLE if high is None else math.floor(_fraction(high) / step)
        if low is None and high is not None:
            first = min(first, last - _WHOLE)
        counts = self.st.integers(first, max(first, last))
        return counts.map(lambda n: _number(n * step)).filter(
            lambda value: not judge_value(judge, value)
        )


def _float_bounds(node: NumberNode) -> tuple[float | None, float | None]:
    lows = [v for v in (node.minimum, node.exclusive_minimum) if v is not None]
    highs = [v for v in (node.maximum, node.exclusive_maximum) if v is not None]
    return max(lows, default=None), min(highs, default=None)


def _fraction(value: float) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _number(value: Fraction) -> float:
    return int(value) if value.denominator == 1 else float(value)

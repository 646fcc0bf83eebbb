"""Charts of a report as SVG text: intervals, latencies on a logarithmic axis, break-even."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

ROW, NAME, PLOT, FIGURE = 22, 190, 420, 150  # pixels: a row's height; the widths of three columns
LONGEST_NAME = 28  # characters that fit into the first column
_WIDTH = NAME + PLOT + FIGURE


class Interval(NamedTuple):
    """A share with its confidence interval, all in 0..1."""

    name: str
    low: float
    value: float
    high: float
    rows: int  # behind the share


class TradeOff(NamedTuple):
    """A configuration of a workflow: its accuracy with an interval, and what it takes."""

    name: str
    low: float
    value: float
    high: float
    seconds: float
    usd: float  # a problem


class Latency(NamedTuple):
    """CPU milliseconds of a call at rising shares of the calls."""

    name: str
    quantiles_ms: Mapping[str, float]  # keys "p10", "p25", "p50", "p75", "p90", "p99"


class BreakEven(NamedTuple):
    """Tokens of compiling, and of one direct call of the model."""

    name: str
    compile_tokens: int
    call_tokens: float


def intervals(rows: Sequence[Interval]) -> str:
    """Return one bar a row from low to high, with a dot at the value."""
    body = _shares(rows, [f"{row.value:.3f} of {row.rows} rows" for row in rows])
    return _svg("accuracy with intervals", len(rows), body)


def trade_offs(rows: Sequence[TradeOff]) -> str:
    """Return one bar a configuration, as ``intervals``, and beside it its seconds and its cost."""
    body = _shares(rows, [f"{row.seconds:.3g} s, {row.usd:.3g} USD" for row in rows])
    return _svg("configurations by rising seconds", len(rows), body)


def _shares(rows: Sequence[Interval | TradeOff], figures: Sequence[str]) -> list[str]:
    body = [_axis([(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)], len(rows))]
    for at, (row, figure) in enumerate(zip(rows, figures, strict=True)):
        y = _middle(at)
        body += [
            _name(row.name, y),
            _bar(row.low, row.high, y, "bar"),
            f'<circle class="dot" cx="{_x(row.value):.1f}" cy="{y}" r="4"/>',
            _figure(figure, y),
        ]
    return body


def latencies(rows: Sequence[Latency]) -> str:
    """Return a box a row from p25 to p75 with whiskers p10 and p99, on a logarithmic axis."""
    values = [value for row in rows for value in row.quantiles_ms.values() if value > 0]
    low, high = _decades(min(values, default=0.001), max(values, default=1))
    ticks = [(_log_share(10.0**n, low, high), _ms(10.0**n)) for n in range(low, high + 1)]
    body = [_axis(ticks, len(rows))]
    for at, row in enumerate(rows):
        y = _middle(at)
        at_share = {name: _log_share(ms, low, high) for name, ms in row.quantiles_ms.items()}
        middle = _x(at_share["p50"])
        body += [
            _name(row.name, y),
            _bar(at_share["p10"], at_share["p99"], y, "whisker", height=2),
            _bar(at_share["p25"], at_share["p75"], y, "bar"),
            f'<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 7}" y2="{y + 7}"/>',
            _figure(f"{_ms(row.quantiles_ms['p50'])}, p99 {_ms(row.quantiles_ms['p99'])}", y),
        ]
    return _svg("latency of a call", len(rows), body)


def break_even(row: BreakEven) -> str:
    """Return tokens over calls: the model's line, the compiled line, and where they meet."""
    meet = row.compile_tokens / row.call_tokens
    most_calls, height = 3 * meet, 150
    most_tokens = most_calls * row.call_tokens

    def point(calls: float, tokens: float) -> str:
        return f"{40 + 300 * calls / most_calls:.1f},{height - 20 - 110 * tokens / most_tokens:.1f}"

    flat = f"{point(0, row.compile_tokens)} {point(most_calls, row.compile_tokens)}"
    x, y = point(meet, row.compile_tokens).split(",")
    compiled = f"compiled, {row.compile_tokens:,}"
    axes = f"{point(0, most_tokens)} {point(0, 0)} {point(most_calls, 0)}"
    body = [
        f'<polyline class="model" points="{point(0, 0)} {point(most_calls, most_tokens)}"/>',
        f'<polyline class="compiled" points="{flat}"/>',
        f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>',
        f'<text x="{x}" y="{float(y) + 16:.1f}">{math.ceil(meet):,} calls</text>',
        f'<text x="42" y="12">{escape(row.name)}</text>',
        f'<text class="figure" x="345" y="{float(y) + 4:.1f}">{compiled}</text>',
        f'<text class="figure" x="345" y="24">model, {row.call_tokens:,.0f} a call</text>',
        f'<text class="tick" x="40" y="{height - 4}">0 calls</text>',
        f'<text class="tick" x="300" y="{height - 4}">{math.ceil(most_calls):,} calls</text>',
        f'<polyline class="axis" points="{axes}"/>',
    ]
    label = f"break-even of {escape(row.name)}"
    return (
        f'<svg role="img" aria-label="{label}" width="500" height="{height}" '
        f'viewBox="0 0 500 {height}">{"".join(body)}</svg>'
    )


def _svg(label: str, rows: int, body: list[str]) -> str:
    height = ROW * (rows + 1)
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}">{"".join(body)}</svg>'
    )


def _axis(ticks: Sequence[tuple[float, str]], rows: int) -> str:
    bottom = ROW * rows
    lines = [
        f'<line class="axis" x1="{_x(share):.1f}" x2="{_x(share):.1f}" y1="0" y2="{bottom}"/>'
        f'<text class="tick" x="{_x(share):.1f}" y="{bottom + 15}" '
        f'text-anchor="middle">{escape(text)}</text>'
        for share, text in ticks
    ]
    return "".join(lines)


def _name(name: str, y: int) -> str:
    shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return f'<text x="0" y="{y + 4}">{escape(shown)}<title>{escape(name)}</title></text>'


def _figure(text: str, y: int) -> str:
    return f'<text class="figure" x="{NAME + PLOT + 12}" y="{y + 4}">{escape(text)}</text>'


def _bar(low: float, high: float, y: int, name: str, *, height: int = 10) -> str:
    width = max(1.0, _x(high) - _x(low))
    return (
        f'<rect class="{name}" x="{_x(low):.1f}" y="{y - height / 2:g}" '
        f'width="{width:.1f}" height="{height}"/>'
    )


def _middle(at: int) -> int:
    return ROW * at + ROW // 2


def _x(share: float) -> float:
    return NAME + PLOT * min(1.0, max(0.0, share))


def _decades(low: float, high: float) -> tuple[int, int]:
    """Return the powers of ten that enclose both, at least one apart."""
    below, above = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return below, max(above, below + 1)


def _log_share(value: float, low: int, high: int) -> float:
    return (math.log10(max(value, 10.0**low)) - low) / (high - low)


def _ms(value: float) -> str:
    return f"{value:.3g} ms" if value >= 1 else f"{value * 1000:.3g} µs"

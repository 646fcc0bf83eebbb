"""The report as one HTML file: it loads nothing, runs no script and says so to the browser."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from pytest_compiledai.core.result import Result
from pytest_compiledai.failure import finding_line
from pytest_compiledai.llm.redact import redact
from pytest_compiledai.report import charts
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.facts import gate_outcome
from pytest_compiledai.report.places import Excerpt
from pytest_compiledai.summary import break_even
from pytest_compiledai.summary import lock_lines
from pytest_compiledai.summary import pays_after

#: Nothing may be fetched or run, whatever a quoted row holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SHOWN_FINDINGS = 50


def render(facts: Facts) -> bytes:
    """Return the page, LF at the end."""
    style = resources.files("pytest_compiledai.report").joinpath("page.css").read_text("utf-8")
    head = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>compiledai report</title>\n<style>\n{style}</style>\n"
    )
    return f"{head}<body>\n{''.join(_sections(facts))}</body>\n</html>\n".encode()


def _sections(facts: Facts) -> Iterator[str]:
    yield f'<h1>compiledai</h1>\n<p class="dim">mode {_text(facts.mode)}</p>\n'
    for line in facts.head():
        yield f"<p>{_text(line.text)}</p>\n"
    yield _matrix(facts)
    yield from _failures(facts)
    yield _chart("Accuracy", "share of right answers on the rows that decide", _accuracies(facts))
    for title, chart in _trade_offs(facts):
        yield _chart(title, "accuracy of configurations, fastest first", chart)
    yield from _steps(facts)
    yield _chart("Latency", "CPU time of a call in the sandbox, p10 to p99", _latencies(facts))
    yield _chart("Break-even", "tokens over calls, against the model itself", _break_evens(facts))
    yield from _lock(facts)


def _matrix(facts: Facts) -> str:
    gates = facts.gates()
    names = ["unit", "kind", "outcome", *gates, "attempts", "tokens", "pays after"]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(_row(result, gates) for result in facts.results)
    return (
        f'<h2>Gates</h2>\n<div class="wide"><table id="gates">\n<tr>{head}</tr>\n'
        f"{rows}</table></div>\n"
    )


def _row(result: Result, gates: list[str]) -> str:
    known = {*result.gates, *result.off}
    outcomes = [gate_outcome(result, gate) if gate in known else "" for gate in gates]
    tokens = result.cost.tokens_in + result.cost.tokens_out
    numbers = [str(result.attempts or ""), f"{tokens:,}" if tokens else ""]
    numbers.append(pays_after(result))
    cells = [f"<td><code>{_text(result.unit)}</code></td>", f"<td>{_text(result.kind)}</td>"]
    cells.append(f'<td class="{result.outcome}">{result.outcome}</td>')
    cells += [f'<td class="{outcome}">{outcome}</td>' for outcome in outcomes]
    cells += [f'<td class="number">{number}</td>' for number in numbers]
    return f"<tr>{''.join(cells)}</tr>\n"


def _failures(facts: Facts) -> Iterator[str]:
    failures = list(facts.failures())
    if not failures and not facts.outside:
        return
    yield "<h2>Findings</h2>\n"
    if facts.outside:
        items = "".join(f"<li>{_text(message)}</li>\n" for message in facts.outside)
        yield f"<h3>Outside any unit</h3>\n<ul>\n{items}</ul>\n"
    for result in facts.results:
        own = [failure for failure in failures if failure.result is result]
        if not own:
            continue
        yield f"<h3><code>{_text(result.unit)}</code> {result.outcome}</h3>\n<ul>\n"
        for failure in own[:SHOWN_FINDINGS]:
            yield f"<li>{_text(finding_line(failure.finding))}"
            excerpt = facts.places.excerpt(failure.finding)
            yield f"{_excerpt(excerpt) if excerpt else ''}</li>\n"
        yield "</ul>\n"
        if len(own) > SHOWN_FINDINGS:
            yield f"<p>{len(own) - SHOWN_FINDINGS} more are in the JSON report.</p>\n"
        command = f"pytest --compile {result.spec}::{result.unit}"
        yield f"<p>Next: <code>{_text(command)}</code></p>\n"


def _excerpt(excerpt: Excerpt) -> str:
    width = len(str(excerpt.first + len(excerpt.lines)))
    shown = []
    for number, line in enumerate(excerpt.lines, start=excerpt.first):
        text = f"{number:>{width}} {_text(line)}"
        marked = number == excerpt.marked
        shown.append(f'<span class="marked">{text}</span>' if marked else text)
    return f'<pre title="{_text(excerpt.path)}">{chr(10).join(shown)}</pre>'


def _accuracies(facts: Facts) -> str:
    rows = []
    for result in facts.results:
        verdict = result.verdict("accuracy")
        figures = verdict.figures if verdict is not None else {}
        if "interval" in figures:
            low, high = figures["interval"]["low"], figures["interval"]["high"]
            row = charts.Interval(
                redact(result.unit), low, figures["accuracy"], high, figures["answered"]
            )
            rows.append(row)
    return charts.intervals(rows) if rows else ""


def _trade_offs(facts: Facts) -> Iterator[tuple[str, str]]:
    for result in facts.results:
        verdict = result.verdict("execution")
        found = verdict.figures.get("trade_offs", []) if verdict is not None else []
        if found:
            rows = [charts.TradeOff(redact(name), *figures) for name, *figures in found]
            yield f"Trade-off set of {_text(result.unit)}", charts.trade_offs(rows)


def _steps(facts: Facts) -> Iterator[str]:
    """Yield a table of what each step of the chosen configurations of a workflow takes."""
    for result in facts.results:
        verdict = result.verdict("execution")
        rows = verdict.figures.get("steps", []) if verdict is not None else []
        if not rows:
            continue
        names = ["configuration", "step", "setting", "calls", "seconds", "USD"]
        head = "".join(f"<th>{name}</th>" for name in names)
        yield f"<h3>What each step of {_text(result.unit)} takes a problem</h3>\n"
        yield f'<div class="wide"><table>\n<tr>{head}</tr>\n'
        for *words, calls, seconds, usd in rows:
            cells = [f"<td><code>{_text(word)}</code></td>" for word in words]
            numbers = (f"{calls:.2f}", f"{seconds:.3g}", f"{usd:.3g}")
            cells += [f'<td class="number">{number}</td>' for number in numbers]
            yield f"<tr>{''.join(cells)}</tr>\n"
        yield "</table></div>\n"


def _latencies(facts: Facts) -> str:
    rows = []
    for result in facts.results:
        verdict = result.verdict("latency")
        quantiles = verdict.figures.get("quantiles_ms") if verdict is not None else None
        if quantiles:
            rows.append(charts.Latency(redact(result.unit), quantiles))
    return charts.latencies(rows) if rows else ""


def _break_evens(facts: Facts) -> str:
    rows = [
        charts.BreakEven(
            redact(result.unit),
            result.cost.tokens_in + result.cost.tokens_out,
            result.reference_tokens or 0.0,
        )
        for result in facts.results
        if break_even(result) is not None
    ]
    shown = "".join(charts.break_even(row) for row in rows)
    return f'<div class="grid">{shown}</div>' if rows else ""


def _chart(title: str, caption: str, chart: str) -> str:
    if not chart:
        return ""
    return f'<h2>{title}</h2>\n<p class="dim">{caption}</p>\n<div class="wide">{chart}</div>\n'


def _lock(facts: Facts) -> Iterator[str]:
    if facts.diff is not None:
        text = "\n".join(line.text for line in lock_lines(facts.diff))
        yield f"<h2>Lock</h2>\n<pre>{_text(text)}</pre>\n"


def _text(text: str) -> str:
    """Return text as HTML; what looks like a key is taken out before anything is escaped."""
    return escape(redact(text))

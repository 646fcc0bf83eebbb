"""The rows of ``bench.gpu`` as a table, the figures that a reader looks for first."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from bench.gpu_setting import Row

_MOST = 48  # lines of one part


def table(rows: Mapping[str, Sequence[Row]], states: Mapping[str, str]) -> str:
    """Return the stages' states and figures."""
    lines = [f"{stage:12}{state}" for stage, state in states.items()]
    every = [row for found in rows.values() for row in found]
    for title, what, text in _PARTS:
        found = [*_latest(row for row in every if row["what"] in what)]
        if found:
            lines += ["", title, *(text(row) for row in found[:_MOST])]
            lines += [f"  and {len(found) - _MOST} more"] if len(found) > _MOST else []
    lines += ["", *_best(every)]
    return "\n".join(lines)


def _latest(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows, of a region's choices the last one alone."""
    held: dict[object, Row] = {}
    for number, row in enumerate(rows):
        is_choice = row["what"] == "chosen"
        held[(row["model"], row["region"]) if is_choice else number] = row
    yield from held.values()


def _machine(row: Row) -> str:
    if row["what"] == "device":
        return "  " + ", ".join(f"{key} {value}" for key, value in row.items() if key != "what")
    if row["what"] == "gap":
        early = "early" if row["early"] else "plain"
        return f"  launches, {early:6}{row['kernels']!s:>6}{row['us']:10.2f} us"
    return f"  {row['what']:6}{row['gb_s']:10.1f} GB/s"


def _chosen(row: Row) -> str:
    us = "/".join(f"{one:g}" for one in row.get("us", {}).values()) or "-"
    other = "/".join(f"{one:g}" for one in row["framework_us"].values())
    return (
        f"  {row['model']:14}{row['region']:18}x{row['count']:<4}{us:>18}{other:>18}"
        f"{row['ratio']:8.3f}  {row['kernel']}"
    )


def _speed(row: Row) -> str:
    label = row.get("step") or row.get("form") or ""
    head = f"  {row['model']:14}{label:44}"
    if "us" not in row:
        return f"{head} failed: {row.get('failed', row.get('why', ''))[:90]}"
    share = f"{row['floor_share']:7.1%}" if "floor_share" in row else "      -"
    equal = f"  equal {row['equal']} of {row['of']}" if "equal" in row else ""
    if "forced" in row:
        equal += f", same {row['same']}, forced {row['forced']} of {row['forced_of']}"
        equal += f" (gap {row['gap']:.3g}, error {row['logits_error']:.3g})"
        equal += "" if row["right"] and row["same"] == row["of"] else "  WRONG"
    return f"{head}{row['us']:10.1f} us{row['tokens_s']:10.1f}/s{share}{equal}"


def _request(row: Row) -> str:
    if row["what"] == "context":
        return (
            f"  {row['model']:14}at {row['context']:<10}{row['us']:12.1f} us"
            f"{row['tokens_s']:10.1f}/s{row['floor_share']:7.1%}"
        )
    told = row.get("published_ms")
    beside = f"  published {told['eager']} and {told['best']} ms" if told else ""
    size = f"{row['input']}/{row['output']}"
    return (
        f"  {row['model']:14}{size:13}{row['ms']:12.1f} ms{row['tokens_s']:10.1f}/s"
        f"{row['decode_floor_share']:7.1%}  {row['how']}{beside}"
    )


def _sanitizer(row: Row) -> str:
    return f"  {row['tool']:12}{row.get('model', ''):14}{row['said']}"


def _refused(row: Row) -> str:
    place = f"{row.get('model', ''):14}{row.get('region', ''):18}"
    return f"  {place}{row.get('kernel', '')}  {row['why'][:110]}"


_PARTS = (
    ("machine", {"device", "copy", "write", "read", "gap"}, _machine),
    ("chosen: us of the kernel and of the framework", {"chosen"}, _chosen),
    ("decode: each step adds to the one before", {"decode"}, _speed),
    ("baselines", {"baseline"}, _speed),
    ("requests and contexts", {"request", "context"}, _request),
    ("sanitizer", {"sanitizer"}, _sanitizer),
    ("refused", {"refused", "failed"}, _refused),
)


def _best(rows: Sequence[Row]) -> Iterator[str]:
    """Yield, for each model, the best of ours beside the best baseline."""
    for model in sorted({row["model"] for row in rows if "tokens_s" in row}):
        own = [
            r["tokens_s"]
            for r in rows
            if r["what"] == "decode" and r["model"] == model and "us" in r
        ]
        other = [
            r["tokens_s"]
            for r in rows
            if r["what"] == "baseline" and r["model"] == model and "us" in r
        ]
        if own and other:
            ratio = max(own) / max(other)
            yield f"{model}: {max(own):.0f} tokens/s, {ratio:.2f} x the best baseline"

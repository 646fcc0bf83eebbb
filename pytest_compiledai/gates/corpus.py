"""The samples that prove a static gate: what it must refuse for one rule, what it must accept."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_compiledai.assets import asset
from pytest_compiledai.core.source import Source

_HEADER = b"# capabilities: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file of a corpus; read as bytes, parsed by the gate, never imported."""

    rule: str  # `<gate>.<name>`: the finding it must have, or is near to
    is_good: bool
    source: Source
    capabilities: frozenset[str] = frozenset()


def samples(gate: str) -> tuple[Sample, ...]:
    """Return the whole corpus of ``gate``, sorted by path."""
    root = asset("gates", gate, "corpus")
    paths = sorted((path.relative_to(root).as_posix(), path) for path in root.glob("*/*/*.py"))
    return tuple(_sample(gate, name, path.read_bytes()) for name, path in paths)


def _sample(gate: str, name: str, data: bytes) -> Sample:
    kind, rule, _ = name.split("/")
    first = data.partition(b"\n")[0].rstrip()
    granted = first.removeprefix(_HEADER).decode("ascii") if first.startswith(_HEADER) else ""
    return Sample(
        rule=f"{gate}.{rule}",
        is_good=kind == "good",
        source=Source(data=data, path=f"gates/{gate}/corpus/{name}"),
        capabilities=frozenset(granted.split()),
    )

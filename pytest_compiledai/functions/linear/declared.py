"""The key `linear:` of a spec: which texts are routed, and into which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.errors import SpecError

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.schema import Schema

MOST_LABELS = 300  # 16384 bytes each: 4.9 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a linear model reads and decides."""

    text: tuple[str, ...]  # fields of the input
    label: str  # the one field of the output
    labels: tuple[Any, ...]  # its closed set


def read_declared(document: Document, input_: Schema, output: Schema) -> Declared | None:
    """Return what the spec says under `linear`; None without it. Raises ``SpecError``."""
    if "linear" not in document.data:
        return None
    block = document.data["linear"]

    def refuse(found: str, expected: str) -> SpecError:
        return SpecError(
            where=document.place("linear"), found=f"`linear` with {found}", expected=expected
        )

    form = "linear: {text: [fields of the input], label: a field of the output}"
    if not isinstance(block, Mapping) or set(block) != {"text", "label"}:
        raise refuse(f"{block!r}"[:80], form)
    names, label = block["text"], block["label"]
    if not isinstance(names, list) or not names or not isinstance(label, str):
        raise refuse(f"{block!r}"[:80], form)
    properties = input_.data.get("properties", {})
    texts = [name for name, data in properties.items() if _is_text(data)]
    if len(set(map(str, names))) != len(names) or not set(names) <= set(texts):
        raise refuse(f"text: {names!r}"[:80], f"of {', '.join(texts) or 'no text'}, each once")
    fields = output.data.get("properties", {})
    if list(fields) != [label] or output.data.get("required") != [label]:
        raise refuse(f"label: {label!r}", "the only field of the output, required")
    labels = tuple(fields[label].get("enum", ()))
    if not 1 < len(labels) <= MOST_LABELS:
        raise refuse(f"{len(labels)} values of {label}", f"an enum of 2 to {MOST_LABELS} values")
    if document.data.get("capabilities"):
        raise refuse("capabilities beside it", "one of them: builtin/synth is pure")
    return Declared(text=tuple(names), label=label, labels=labels)


def _is_text(data: Any) -> bool:
    kind = data.get("type") if isinstance(data, Mapping) else None
    return kind == "string" or (isinstance(kind, list) and set(kind) == {"string", "null"})

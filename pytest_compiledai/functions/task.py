"""Which class of tasks a spec belongs to: told by its schemas and its train rows alone.

The classes have each a text in the prompt. The first rule that holds decides; a spec for which
none does is of class `general`. Validation and test rows are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.split import Split

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec

TASKS: Final = (
    "calls",
    "routing",
    "configuration",
    "log_lines",
    "normalisation",
    "extraction",
    "general",
)
SHORT: Final = 100  # characters of the longest text that is still a value and no document
TERM: Final = 4  # words of the longest text that is still a term and no sentence
_CLOCK: Final = re.compile(r"\d\d:\d\d:\d\d")


def task_of(spec: FunctionSpec) -> str:
    """Return the class of a spec's task."""
    output = spec.output.data
    rows = spec.rows_in(Split.TRAIN)
    text = _text_field(spec.input.data)
    texts = [row.input[text] for row in rows] if text else []
    alone = all(name == text or _is_hint(item) for name, item in _properties(spec.input.data))
    if _is_call(output):
        return "calls"
    if _is_closed(output):
        return "normalisation" if alone and texts and all(map(_is_term, texts)) else "routing"
    if any(
        _is_mostly([row.output.get(name) for row in rows], _has_lines) for name in _open(output)
    ):
        return "configuration"
    return _of_texts(texts, alone=alone)


def _of_texts(texts: Sequence[str], *, alone: bool) -> str:
    """Return the class of a task that reads open fields from a text, and hints where ``alone``."""
    if not texts:
        return "general"
    if any(map(_has_lines, texts)):
        return "extraction"
    if _is_mostly(texts, _has_clock):
        return "log_lines"
    if max(map(len, texts)) > SHORT:
        return "extraction"
    return "normalisation" if alone else "general"


def _is_call(schema: Any) -> bool:
    """Whether a schema is a call, by a name from a closed set and arguments, or holds one."""
    if not isinstance(schema, Mapping):
        return False
    properties = schema.get("properties", {})
    name = properties.get("name", {})
    if {"name", "arguments"} <= set(properties) and ("enum" in name or "const" in name):
        return True
    inner = [*properties.values(), schema.get("items"), *schema.get("anyOf", ())]
    return any(map(_is_call, inner))


def _is_closed(schema: Any) -> bool:
    """Whether every value of an output comes from a closed set, some of more than one value."""
    properties = schema.get("properties", {})
    closed = [item for item in properties.values() if "enum" in item or _is_boolean(item)]
    return bool(closed) and all("const" in p or p in closed for p in properties.values())


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from schema.get("properties", {}).items()


def _is_hint(schema: Mapping[str, Any]) -> bool:
    """Whether a field says how a text is read, such as a country or a day, and is no value."""
    return "enum" in schema or "format" in schema or _is_boolean(schema)


def _is_boolean(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "boolean"


def _open(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of an output that hold free text."""
    for name, item in _properties(schema):
        if "enum" not in item and _is_text(item.get("type")):
            yield name


def _is_text(kind: Any) -> bool:
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


def _text_field(schema: Mapping[str, Any]) -> str | None:
    """Return the one field of an input that holds free text, required; None where not one does."""
    free = [name for name in _open(schema) if "format" not in schema["properties"][name]]
    if len(free) != 1 or free[0] not in schema.get("required", ()):
        return None
    return free[0] if schema["properties"][free[0]]["type"] == "string" else None


def _is_mostly(values: Sequence[Any], holds: Callable[[str], bool]) -> bool:
    """Whether something holds for at least half of the texts among values, and for one at least."""
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and 2 * sum(map(holds, texts)) >= len(texts)


def _is_term(value: str) -> bool:
    """Whether a text is a term to look up, and no sentence."""
    return len(value.split()) <= TERM


def _has_lines(value: str) -> bool:
    return "\n" in value.strip()


def _has_clock(value: str) -> bool:
    return _CLOCK.search(value) is not None

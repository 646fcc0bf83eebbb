"""A draft from a tool definition: the request goes in, the tool's arguments come out.

That is the work a model does at run time: it turns a sentence into arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.drafts.draft import Draft
from pytest_compiledai.drafts.draft import unit_name
from pytest_compiledai.drafts.schemas import Conversion

REQUEST = {
    "type": "object",
    "additionalProperties": False,
    "required": ["request"],
    "properties": {"request": {"type": "string", "maxLength": 2000}},
}


def tools_of(data: Any) -> dict[str, Mapping[str, Any]]:
    """Return the tool definitions in ``data`` by name; empty where it holds none.

    Understood are one tool, a list of tools, and a request with `tools` or `functions`; each tool
    wrapped in `function` or bare, its parameters under `parameters` or `input_schema`.
    """
    if isinstance(data, Mapping) and not _is_tool(data):
        data = data.get("tools") or data.get("functions") or []
    items = data if isinstance(data, list) else [data]
    bare = [item.get("function", item) for item in items if isinstance(item, Mapping)]
    return {str(item["name"]): item for item in bare if _is_tool(item)}


def from_tool(tools: Mapping[str, Mapping[str, Any]], path: str, name: str) -> Draft:
    """Return the draft of one tool; raises ``SpecError`` where ``name`` names none of several."""
    if not name and len(tools) == 1:
        (name,) = tools
    if name not in tools:
        raise SpecError(
            where=Place(path=path),
            found=f"no tool {name!r} among {', '.join(tools)}",
            expected="FILE#TOOL",
        )
    tool = tools[name]
    parameters = tool.get("parameters") or tool.get("input_schema")
    conversion = Conversion(lambda target: _definition(parameters, target, path))
    output = conversion.root(parameters, name, wrapped="value")
    said = str(tool.get("description") or "").strip()
    lead = f"Turn the request into the arguments of the tool {name}."
    return Draft(
        name=unit_name(name),
        description=f"{lead} {said}".strip(),
        input=REQUEST,
        output=output,
        notes=tuple(conversion.notes),
    )


def _is_tool(data: Any) -> bool:
    if not isinstance(data, Mapping):
        return False
    inner = data.get("function", data)
    if not isinstance(inner, Mapping) or "name" not in inner:
        return False
    return isinstance(inner.get("parameters") or inner.get("input_schema"), Mapping)


def _definition(parameters: Any, target: str, path: str) -> Mapping[str, Any]:
    name = target.rpartition("/")[2]
    for where in ("$defs", "definitions"):
        found = parameters.get(where, {}).get(name)
        if isinstance(found, Mapping):
            return found
    raise SpecError(where=Place(path=path), found=target, expected="a definition beside it")

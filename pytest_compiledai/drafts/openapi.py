"""A draft from an OpenAPI operation: parameters and body go in, the good response comes out."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.drafts.draft import Draft
from pytest_compiledai.drafts.draft import unit_name
from pytest_compiledai.drafts.schemas import Conversion

_METHODS = ("get", "put", "post", "delete", "patch", "options", "head", "trace")


def from_openapi(data: Mapping[str, Any], path: str, name: str) -> Draft:
    """Return the draft of the operation ``name``, an operationId or `METHOD /path`.

    Raises ``SpecError`` where there is none, or where it returns no JSON.
    """
    operations = dict(_operations(data))
    if not name and len(operations) == 1:
        (name,) = operations
    if name not in operations:
        raise SpecError(
            where=Place(path=path),
            found=f"no operation {name!r} among {', '.join(operations) or 'none'}",
            expected="FILE#OPERATION_ID, or FILE#'METHOD /path'",
        )
    return _Operation(data, path, name).draft(operations[name])


def _operations(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for route, item in data.get("paths", {}).items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                operation = item[method]
                joined = [*shared, *operation.get("parameters", [])]
                whole = {**operation, "parameters": joined}
                yield operation.get("operationId") or f"{method.upper()} {route}", whole


class _Operation:
    def __init__(self, data: Mapping[str, Any], path: str, name: str) -> None:
        self._data, self._path, self._name = data, path, name
        self._conversion = Conversion(self._lookup)

    def draft(self, operation: Mapping[str, Any]) -> Draft:
        """Return the draft of the operation."""
        said = operation.get("description") or operation.get("summary")
        taken = self._conversion.root(self._input(operation), f"{self._name} in", wrapped="body")
        given = self._conversion.root(
            self._output(operation), f"{self._name} out", wrapped="result"
        )
        return Draft(
            name=unit_name(self._name),
            description=str(said or f"Say here what {self._name} decides, and how.").strip(),
            input=taken,
            output=given,
            notes=tuple(self._conversion.notes),
        )

    def _input(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return one object: the body's own where there are no parameters, else both joined."""
        body = self._resolved(operation.get("requestBody", {}))
        schema = self._json_schema(body)
        parameters = [self._resolved(item) for item in operation["parameters"]]
        if schema is not None and not parameters:
            return schema
        properties = {item["name"]: item.get("schema", item) for item in parameters}
        required = [item["name"] for item in parameters if item.get("required")]
        if schema is not None:
            properties["body"] = schema
            required += ["body"] if body.get("required") else []
        return {"type": "object", "properties": properties, "required": required}

    def _output(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        responses = operation.get("responses", {})
        good = [code for code in sorted(map(str, responses)) if code.startswith("2")]
        for code in [*good, "default"]:
            found = responses.get(code, responses.get(int(code) if code.isdigit() else code))
            schema = self._json_schema(self._resolved(found or {}))
            if schema is not None:
                return schema
        raise SpecError(
            where=Place(path=self._path),
            found=f"{self._name} without a JSON response",
            expected="a 2xx response with a schema of application/json",
        )

    def _json_schema(self, holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
        for media, content in holder.get("content", {}).items():
            if "json" in media and isinstance(content.get("schema"), Mapping):
                return dict(content["schema"])
        return None

    def _resolved(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._lookup(str(item["$ref"])) if "$ref" in item else item

    def _lookup(self, target: str) -> Mapping[str, Any]:
        node: Any = self._data
        for part in target.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            node = node.get(key) if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping):
            raise SpecError(
                where=Place(path=self._path), found=target, expected="a part of the document"
            )
        return node

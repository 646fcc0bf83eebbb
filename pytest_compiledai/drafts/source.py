"""Finds out what a file describes, and makes the draft of the part that was named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.drafts.draft import Draft
from pytest_compiledai.drafts.openapi import from_openapi
from pytest_compiledai.drafts.signature import from_signature
from pytest_compiledai.drafts.tool import from_tool
from pytest_compiledai.drafts.tool import tools_of

LARGEST_BYTES = 10_000_000


def read_draft(source: str, root: Path) -> Draft:
    """Return the draft of ``FILE[#NAME]``: a Python file, an OpenAPI document or tool definitions.

    Raises ``SpecError`` for what is none of these. Nothing is imported or run.
    """
    path, _, name = source.partition("#")
    text = _text(root / path, path)
    if path.endswith(".py"):
        return from_signature(text, path, name)
    data = _data(text, path)
    if isinstance(data, Mapping) and "paths" in data and ("openapi" in data or "swagger" in data):
        return from_openapi(data, path, name)
    tools = tools_of(data)
    if tools:
        return from_tool(tools, path, name)
    raise SpecError(
        where=Place(path=path),
        found="neither Python nor an OpenAPI document nor a tool definition",
        expected="FILE.py#FUNCTION, OPENAPI#OPERATION or TOOLS.json#TOOL",
    )


def _text(file: Path, path: str) -> str:
    try:
        data = file.read_bytes()
        if len(data) > LARGEST_BYTES:
            raise SpecError(
                where=path, found=f"{len(data)} bytes", expected=f"at most {LARGEST_BYTES}"
            )
        return data.decode("utf-8")
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        named = path.replace(".py:", ".py#") if ".py:" in path else "FILE.py#FUNCTION"
        raise SpecError(
            where=path,
            found=found,
            expected="a file to draft from",
            next=f"compiledai init --from {named}",
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(where=path, found=str(error), expected="UTF-8") from error


def _data(text: str, path: str) -> Any:
    """Return the value of JSON or YAML; these are documents of others, read leniently."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(where=path, found=line, expected="JSON or YAML") from None

"""A spec before anybody decided its rows: name, description, schemas, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.core.yamltext import yaml_mapping

_NO_NAME = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a source says of a unit; ``notes`` tell what it said that a spec cannot."""

    name: str
    description: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def text(self, golden: str) -> str:
        """Return the spec, with its golden rows in the file ``golden`` beside it."""
        head = {
            "compiledai": 1,
            "kind": "function",
            "name": self.name,
            "description": self.description,
            "input": self.input,
            "output": self.output,
            "golden": golden,
        }
        notes = "".join(f"# left out: {note}\n" for note in self.notes)
        return f"{yaml_mapping(head)}{notes}"


def unit_name(text: str) -> str:
    """Return ``text`` as the name of a unit: `getUserByID` becomes `get_user_by_id`."""
    name = _NO_NAME.sub("_", _CAMEL.sub("_", text).lower()).strip("_")[:LONGEST_NAME].rstrip("_")
    if name and name[0].isalpha():
        return name
    return f"unit_{name}".rstrip("_")[:LONGEST_NAME]

"""The dataset of a whole model: one JSON object a line, each row in its split."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the dataset."""

    id: str
    value: Mapping[str, Any]  # {"text": ...} or {"inputs": {...}}
    split: Split
    place: Place


def read_rows(data: bytes, path: str, shares: Shares) -> tuple[Row, ...]:
    """Return the rows of a dataset. Raises ``SpecError`` at the line of the first fault."""
    found: dict[str, Row] = {}
    for line, text in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        place = Place(path=path, line=line)
        try:
            value = read_json(text)
        except StrictJSONError as error:
            raise SpecError(where=place, found=str(error), expected="a JSON object") from None
        good = (
            isinstance(value, dict)
            and isinstance(value.get("id"), str)
            and set(value) <= {"id", "text", "inputs", "split"}
            and (isinstance(value.get("text"), str)) != (isinstance(value.get("inputs"), dict))
        )
        if not good or value["id"] in found:
            raise SpecError(
                where=place,
                found=text[:80],
                expected='{"id": ..., "text": ...} or {"id": ..., "inputs": {...}}, each id once',
            )
        kept = {key: value[key] for key in ("text", "inputs") if key in value}
        split = shares.assign(canonical_json(kept))
        if "split" in value:
            if value["split"] not in set(Split):
                raise SpecError(where=place, found=value["split"], expected=", ".join(Split))
            split = Split(value["split"])
        found[value["id"]] = Row(id=value["id"], value=kept, split=split, place=place)
    rows = tuple(found.values())
    if not any(row.split is Split.TEST for row in rows) or len(rows) < 2:  # noqa: PLR2004 - two
        raise SpecError(
            where=path, found=f"{len(rows)} rows", expected="rows to choose on and a test row"
        )
    return rows


def spread(rows: Sequence[Row], most: int) -> list[Row]:
    """Return at most ``most`` rows, evenly spaced: a file often holds its short ones together."""
    count = min(len(rows), most)
    return [rows[number * len(rows) // count] for number in range(count)]

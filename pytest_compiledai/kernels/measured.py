"""The recording of a region's search: what was tried, how fast it was, and what was taken.

Times differ from run to run, so the choice rests on the recording: two compiles choose alike, and
no time stands in what is frozen. What was chosen is judged anew by every gate all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import read_json

VERSION: Final = 1
_CAP: Final = 4_000_000  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search found; everything in it is JSON."""

    ordered_by: str  # the model whose advice was taken; "" for none
    dropped: Sequence[str]  # of its answer, what was no id of the space
    tried: Sequence[Mapping[str, Any]]  # in the order of trial
    chosen: Mapping[str, str]  # positions up to which -> SHA-256 of a text; "" for the framework

    def plain(self) -> list[dict[str, Any]]:
        """Return what was tried without what differs from run to run."""
        return [
            {key: row[key] for key in ("parameters", "sha256", "refused")} for row in self.tried
        ]


def read(path: Path, key: str) -> Search | None:
    """Return the search recorded for ``key``; None where there is none. Raises ``SpecError``."""
    try:
        value = read_json(read_regular(path, cap=_CAP).decode())
        if (value["version"], value["searched"]) != (VERSION, key):
            return None
        search = Search(**value["search"])
        search.plain()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(
            where=path.name,
            found=f"{type(error).__name__}: {error}"[:200],
            expected="the recording of a search",
            next=f"delete {path.name}, then pytest --compile",
        ) from error
    return search


def write(path: Path, key: str, search: Search) -> None:
    """Record a search."""
    value = {"version": VERSION, "searched": key, "search": asdict(search)}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, f"{json.dumps(value, indent=1, sort_keys=True)}\n".encode())

"""Lines of a long campaign in a file that grows as they are found, so that a killed run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Kept:
    """Rows by key. Without a path nothing is read and nothing is written."""

    def __init__(self, path: Path | None) -> None:
        """Read what the file holds; a last line that was cut off by a kill is left out.

        Raises ``ValueError`` for any other line that is not one of a campaign's.
        """
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        text = path.read_text(encoding="utf-8") if path and path.exists() else ""
        whole, _, cut_off = text.rpartition("\n")
        for number, line in enumerate(whole.splitlines(), 1):
            held = json.loads(line)
            if not isinstance(held, dict) or set(held) != {"key", "row"}:
                raise ValueError(f"{path}:{number}: found no line of a campaign; name another file")
            self._rows[held["key"]] = held["row"]
        if path and cut_off:
            path.write_text(whole + "\n" if whole else "", encoding="utf-8")

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the row of a key, if it was kept."""
        return self._rows.get(key)

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Keep a row, on disk before this returns."""
        self._rows[key] = row
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "row": row}) + "\n")

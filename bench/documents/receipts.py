"""Receipts of the SROIE form, read from a folder: boxes of text, and three labelled fields."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CORNERS = 8  # numbers before the text of a box
_UNSEEN = 2  # every second company, by a hash of its name, is unseen
#: How far two boxes overlap to share a line, of the height of the lower one.
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt: the text as it was laid out, and what it says."""

    name: str
    text: str
    company: str
    date: str  # YYYY-MM-DD; empty where the label is no date
    total: float | None

    @property
    def is_unseen(self) -> bool:
        """Whether the company belongs to the half that no choice was made on."""
        return (
            int(hashlib.sha256(f"unseen {key(self.company)}".encode()).hexdigest(), 16) % _UNSEEN
            == 0
        )


def read(folder: Path) -> list[Receipt]:
    """Return the receipts of ``folder``, which has `box/` and `key/`; in the order of names."""
    return [_receipt(path, folder) for path in sorted((folder / "box").glob("*.csv"))]


def key(text: str) -> str:
    """Return the letters and digits of a text, lower case: how names are compared."""
    return re.sub(r"[\W_]", "", text.lower())


def _receipt(path: Path, folder: Path) -> Receipt:
    label = json.loads((folder / "key" / f"{path.stem}.json").read_text(encoding="utf-8"))
    return Receipt(
        name=path.stem,
        text=laid_out(_boxes(path.read_text(encoding="utf-8", errors="replace"))),
        company=label.get("company", ""),
        date=day(label.get("date", "")),
        total=amount(label.get("total", "")),
    )


def _boxes(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield left, top, bottom and text of each box."""
    for line in text.splitlines():
        *corners, words = line.split(",", _CORNERS)
        if len(corners) == _CORNERS and words.strip():
            numbers = [int(float(number)) for number in corners]
            yield min(numbers[::2]), min(numbers[1::2]), max(numbers[1::2]), words.strip()


def laid_out(boxes: Iterator[tuple[int, int, int, str]]) -> str:
    """Return the boxes as lines from top to bottom; what stands side by side is on one line."""
    lines: list[list[tuple[int, int, int, str]]] = []
    for box in sorted(boxes, key=lambda item: (item[1] + item[2], item[0])):
        if lines and _is_beside(lines[-1][-1], box):
            lines[-1].append(box)
        else:
            lines.append([box])
    return "\n".join("  ".join(box[3] for box in sorted(line)) for line in lines)


def _is_beside(one: tuple[int, int, int, str], two: tuple[int, int, int, str]) -> bool:
    shared = min(one[2], two[2]) - max(one[1], two[1])
    return shared > _OVERLAP * min(one[2] - one[1], two[2] - two[1])


def day(text: str) -> str:
    """Return the date that a label states, day first, as YYYY-MM-DD; empty where it is none."""
    words = re.findall(r"\d+|[a-z]+", text.lower())
    numbers = [str(_MONTHS.index(w[:3]) + 1) if w[:3] in _MONTHS else w for w in words]
    digits = [number for number in numbers if number.isdecimal()]
    if len(digits) == 1 and len(digits[0]) == len("20180131"):
        digits = [digits[0][:4], digits[0][4:6], digits[0][6:]]
    orders: list[Any] = [(0, 1, 2), (2, 1, 0), (1, 0, 2)]
    for order in orders:
        if len(digits) < len(order):
            return ""
        d, m, y = (int(digits[at]) for at in order)
        try:
            return dt.date(y + 2000 if y < 100 else y, m, d).isoformat()
        except ValueError:
            continue
    return ""


def amount(text: str) -> float | None:
    """Return the amount that a label states; None where it states none."""
    found = re.sub(r"[^\d.]", "", text)
    return float(found) if re.fullmatch(r"\d+(?:\.\d+)?", found) else None

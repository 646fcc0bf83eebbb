"""What a call is told and what its answer comes to; profiling and running say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

_FIELD: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:,\d{3})*(?:\.\d+)?")


def told(
    prompt: str,
    problem: Mapping[str, Any],
    *,
    before: str | None = None,
    candidates: Sequence[str] = (),
) -> str:
    """Return a call's message: the prompt with the problem's fields, then what came before.

    `{name}` is replaced by the field, once: what a field holds is not looked at again. A name that
    the problem has not stays as it is.
    """
    text = _FIELD.sub(lambda found: _shown(problem.get(found[1], found[0])), prompt)
    if before is not None:
        text += f"\n\nThe result so far:\n{before}"
    for number, candidate in enumerate(candidates, start=1):
        text += f"\n\nCandidate {number}:\n{candidate}"
    if candidates:
        text += "\n\nEnd with a line that holds the number of the best candidate."
    return text


def answer_of(text: str) -> str | None:
    """Return what an answer comes to: its last line, a JSON object's only value; None for none."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return lines[-1]
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def normal(text: str) -> str:
    """Return ``text`` in the form in which answers are compared and votes counted.

    Case, spaces and a full stop at the end do not count; a number is its value.
    """
    plain = " ".join(text.casefold().split()).rstrip(".").rstrip()
    if _NUMBER.fullmatch(plain):
        number = float(plain.replace(",", ""))
        return str(int(number)) if number == int(number) else repr(number)
    return plain


def picked(text: str, candidates: int) -> int:
    """Return the index that a judge named last; the first where it named none."""
    numbers = [int(found) for found in re.findall(r"\d+", (answer_of(text) or "")[:200])]
    good = [number for number in numbers if 1 <= number <= candidates]
    return good[-1] - 1 if good else 0


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

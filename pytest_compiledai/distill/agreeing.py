"""When answers are the same, and when enough of them are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from pytest_compiledai.core.canonical import canonical_json

_FENCE = re.compile(r"\A```[a-z]*\n(.*?)\n?```\Z", re.DOTALL)


def canonical(text: str) -> str:
    """Return the form in which answers are compared: JSON by value, other text by its words.

    A fence of code round the whole answer is dropped. Case counts.
    """
    plain = text.strip()
    fenced = _FENCE.match(plain)
    plain = fenced[1].strip() if fenced else plain
    try:
        return canonical_json(json.loads(plain)).decode("ascii")
    except (ValueError, RecursionError):
        return " ".join(plain.split())


def agreed(answers: Sequence[str | None], needed: int) -> str | None:
    """Return the first answer whose form ``needed`` of them have; None where none has.

    An answer that is None or empty agrees with nothing.
    """
    forms = [canonical(answer) if answer else "" for answer in answers]
    for form, count in Counter(form for form in forms if form).most_common(1):
        if count >= needed:
            return answers[forms.index(form)]
    return None


def is_open(answers: Sequence[str | None], needed: int, samples: int) -> bool:
    """Return whether more answers can still change the outcome."""
    if agreed(answers, needed) is not None:
        return False
    forms = Counter(canonical(answer) for answer in answers if answer)
    best = max(forms.values(), default=0)
    return best + samples - len(answers) >= needed and len(answers) < samples

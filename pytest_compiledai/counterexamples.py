"""The last counterexample of each unit, kept in pytest's cache for `compiledai keep`.

Not a verdict: no run reads it, and losing it loses nothing but convenience.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import pytest

    from pytest_compiledai.core.result import Result

KEY = "compiledai/counterexamples"


def remember(config: pytest.Config, results: Sequence[Result]) -> None:
    """Keep the counterexamples of this run's failed fuzz gates beside those of other units."""
    cache = getattr(config, "cache", None)  # gone with -p no:cacheprovider
    if cache is None:
        return
    known = cache.get(KEY, {})
    for result in results:
        verdict = result.verdict("fuzz")
        if verdict is not None and "counterexample" in verdict.figures:
            known[result.unit] = {
                "spec": result.spec,
                "input": verdict.figures["counterexample"],
            }
        elif result.accepted:
            known.pop(result.unit, None)
    cache.set(KEY, known)


def recall(root: Path, name: str) -> dict[str, Any] | None:
    """Return the spec and input of the last counterexample of ``name``; None for none."""
    path = root / ".pytest_cache" / "v" / KEY
    try:
        found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError):
        return None
    return found

"""The last counterexample of each unit, kept in pytest's cache for `compiledai keep`.

Not a verdict: no run reads it, and losing it loses nothing but convenience.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import read_json

if TYPE_CHECKING:
    import pytest

    from pytest_compiledai.core.result import Result

KEY = "compiledai/counterexamples"
CAP = 64 << 20  # bytes


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
        found = read_json(read_regular(path, cap=CAP).decode("utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The cache is nobody's: what is not as `remember` writes it is no counterexample.
    known = isinstance(found, dict) and set(found) == {"spec", "input"}
    return found if known and isinstance(found["spec"], str) else None

"""Where the weights of a sentence encoder lie: in an installed package, known by their digest."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pytest_compiledai.core.canonical import digest


def folder_of(package: str, sha256: str) -> Path:
    """Return the model's folder in an installed package. Raises ``LookupError``."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(f"no package {package}")
    for weights in sorted(Path(spec.origin).parent.rglob("model.safetensors")):
        found = digest(weights.read_bytes())
        if found == sha256:
            return weights.parent
        raise LookupError(f"weights of {found[:16]} in {package}")
    raise LookupError(f"no model.safetensors in {package}")

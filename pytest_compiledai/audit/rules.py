"""The reviewed figures of `rules.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


@functools.cache
def rules() -> Mapping[str, Any]:
    """Return the thresholds and costs that the package ships."""
    text = files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

"""What a kernel may be made of, as ``gates/kernels/policy.toml`` states it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from typing import Any

from pytest_compiledai.assets import asset


@functools.cache
def policy() -> Mapping[str, Any]:
    """Return the policy; it is read once a process."""
    return tomllib.loads(asset("gates", "kernels", "policy.toml").read_text(encoding="utf-8"))


def reason(name: str, otherwise: str) -> str:
    """Return the rule for a refused name: the cheat it stands for, else the one of its form."""
    for rule, names in policy()["reasons"].items():
        if name in names:
            return f"security.{rule}"
    return otherwise

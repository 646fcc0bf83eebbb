"""The space that is searched: C++ kernels of one region, of several variants."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from pytest_compiledai.kernels import families
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import Contract

#: Variants beside the family's own, and their parameters.
VARIANTS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "rows": {"ROWS": (1, 2, 4, 8), "LANES": (4, 8, 16, 32)},
    "tiles": {"TILE": (128, 256, 512), "LANES": (8, 16, 32)},
    "wide": {"LANES": (4, 8, 16)},
}
#: A matrix that stays in the processor's caches, and one that does not.
REGIONS: Mapping[str, Mapping[str, int]] = {
    "near": {"N": 384, "K": 768},
    "far": {"N": 4096, "K": 2048},
}
TARGET = (
    "one core of an x86-64-v3 processor: 16 vector registers of 8 floats, 2 loads and 2 float "
    "operations a cycle with a latency of 4, g++ -O3 -ffp-contract=off, no fused multiply-add"
)


def contract(region: str) -> Contract:
    """Return the contract of one of the regions."""
    return families.family("gemv").contract(REGIONS[region], name=f"gemv-{region}")


def candidates(stated: Contract) -> list[Candidate]:
    """Return every candidate, in the order of the space."""
    found = families.family("gemv").candidates(stated, language="cpp")
    for name, parameters in VARIANTS.items():
        text = (Path(__file__).parent / f"{name}.cpp.txt").read_text(encoding="utf-8")
        variant = families.Variant(
            name=name, language="cpp", text=text, parameters=parameters, legal=()
        )
        for values in itertools.product(*parameters.values()):
            chosen = dict(zip(parameters, values, strict=True))
            found.append(families.render(variant, chosen, stated))
    return found

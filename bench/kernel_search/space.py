"""The regions whose spaces are searched: C++ kernels of several families, as they are shipped."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_compiledai.kernels import families
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import Contract

#: Family and sizes; what a region reads stays in the processor's caches.
REGIONS: Mapping[str, Mapping[str, int]] = {
    "gemv": {"N": 384, "K": 768},
    "norm_gemv": {"N": 512, "K": 512},
    "gate_up": {"N": 512, "K": 384},
    "decode_attention": {"H": 8, "KV": 4, "D": 64, "L": 512, "pos": 299},
    "gemm": {"M": 8, "N": 256, "K": 384},
}


def contract(region: str) -> Contract:
    """Return the contract of one of the regions."""
    return families.family(region).contract(REGIONS[region], name=region)


def candidates(stated: Contract) -> list[Candidate]:
    """Return every candidate, in the order of the space."""
    return families.family(stated.family).candidates(stated, language="cpp")

"""Which golden rows a model may see, which choose, and which accept."""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place

_SUM_TOLERANCE = 1e-9


class Split(enum.StrEnum):
    """What a golden row may be used for."""

    TRAIN = "train"  # may be shown to a model
    VALIDATION = "validation"  # chooses among candidates
    TEST = "test"  # opened once, to accept


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The share of each split, together 1."""

    train: float = 0.5
    validation: float = 0.2
    test: float = 0.3

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if not all(math.isfinite(share) and share >= 0 for share in shares):
            raise ValueError(f"shares {shares}; each is 0 or more")
        if abs(sum(shares) - 1) > _SUM_TOLERANCE:
            raise ValueError(f"shares that add up to {sum(shares):.6g}; together they are 1")

    @classmethod
    def parse(cls, data: Any, place: Callable[..., Place]) -> Shares:
        """Return the shares a spec states; raises ``SpecError`` at their line."""
        names = {split.value for split in Split}
        if not isinstance(data, Mapping) or set(data) != names:
            found = f"the keys {', '.join(map(str, data))}" if isinstance(data, Mapping) else data
            expected = "the three keys train, validation, test"
            raise SpecError(where=place(), found=f"{found}", expected=expected)
        for name, share in data.items():
            if type(share) not in (int, float) or not 0 <= share <= 1:
                expected = "a share from 0 to 1"
                raise SpecError(where=place(name), found=f"{share!r}", expected=expected)
        total = sum(data.values())
        if abs(total - 1) > _SUM_TOLERANCE:
            found = f"shares that add up to {total:.6g}"
            raise SpecError(where=place(), found=found, expected="shares that add up to 1")
        return cls(**data)

    def assign(self, key: bytes) -> Split:
        """Return the split of ``key`` by its SHA-256 alone, so that no other row can move it."""
        # 53 bits: the whole number of steps that a float between 0 and 1 can tell apart.
        point = (int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 11) / 2**53
        bound = 0.0
        wanted = [(split, getattr(self, split.value)) for split in Split]
        taken = [(split, share) for split, share in wanted if share > 0]
        for split, share in taken[:-1]:
            bound += share
            if point < bound:
                return split
        return taken[-1][0]  # the last with a share takes the rest, whatever rounding left

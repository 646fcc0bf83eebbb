"""Which recordings a folder holds, listed once for all its units.

A thousand specs share a folder, and each looks for several keys in it: listing it each time makes
the cost of a unit grow with the number of units.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from typing import NamedTuple

#: A folder that changed more recently than this may change again within one tick of its clock.
SETTLED_NS: Final = 2_000_000_000

_NAME = re.compile(r"([0-9a-f]{64})\..+\.json", re.DOTALL)


class _Listing(NamedTuple):
    changed_ns: int
    names: Mapping[str, tuple[str, ...]]


_listings: dict[str, _Listing] = {}


def names_in(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Return request key -> file names in order; a folder that is not there holds none."""
    try:
        changed_ns = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    known = _listings.get(str(folder))
    if known is not None and known.changed_ns == changed_ns:
        return known.names
    names = _list(folder)
    if time.time_ns() - changed_ns > SETTLED_NS:
        _listings[str(folder)] = _Listing(changed_ns, names)
    return names


def _list(folder: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(entry.name for entry in os.scandir(folder)):
        match = _NAME.fullmatch(name)
        if match:
            found[match.group(1)] = (*found.get(match.group(1), ()), name)
    return found

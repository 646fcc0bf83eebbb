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

PACK: Final = ".pack"
#: A recording's file: the digest of the request, then the model.
NAME = re.compile(r"([0-9a-f]{64})\..+\.json", re.DOTALL)


class Listing(NamedTuple):
    """What a folder holds."""

    changed_ns: int
    names: Mapping[str, tuple[str, ...]]  # request key -> file names in order
    packs: tuple[str, ...]  # names of files with many recordings, in order


_NOTHING: Final = Listing(0, {}, ())
_listings: dict[str, Listing] = {}


def listing(folder: Path) -> Listing:
    """Return which recordings and packs lie in ``folder``; one that is not there holds none."""
    try:
        changed_ns = folder.stat().st_mtime_ns
    except FileNotFoundError:
        return _NOTHING
    known = _listings.get(str(folder))
    if known is not None and known.changed_ns == changed_ns:
        return known
    found = _list(folder, changed_ns)
    if time.time_ns() - changed_ns > SETTLED_NS:
        _listings[str(folder)] = found
    return found


def names_in(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Return request key -> file names in order."""
    return listing(folder).names


def _list(folder: Path, changed_ns: int) -> Listing:
    found: dict[str, tuple[str, ...]] = {}
    files = sorted(entry.name for entry in os.scandir(folder))
    for name in files:
        match = NAME.fullmatch(name)
        if match:
            found[match.group(1)] = (*found.get(match.group(1), ()), name)
    return Listing(changed_ns, found, tuple(name for name in files if name.endswith(PACK)))

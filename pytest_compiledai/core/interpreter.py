"""Where this interpreter keeps what it was installed with."""

from __future__ import annotations

import sysconfig
import threading
from pathlib import Path
from typing import Final

_ALONE: Final = threading.Lock()


def installed(name: str) -> Path:
    """Return a folder of this interpreter by its name in `sysconfig`, such as `scripts`.

    The first question of a process fills a table; two threads that ask it at once break it.
    """
    with _ALONE:
        return Path(sysconfig.get_path(name))

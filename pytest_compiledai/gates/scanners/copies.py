"""Private copies of the sources for the analysers, each with a canary that proves it was read.

The copy ends with lines that every analyser must complain about. An analyser that is silent about
them did not read the file to its end: it was blinded, skipped the file, or crashed. The same lines
define ``Abstain``, which artifacts get at load, so no line of the source moves.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.source import Source

_TAIL = "\n\nclass Abstain(Exception):\n    pass\n\n\nexec(compiledai_canary)\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One source as a file in the scratch folder."""

    address: str
    name: str  # file name, neutral and unique
    lines: int  # of the source itself; what lies beyond is ours

    @property
    def canary(self) -> int:
        """The line that every analyser must complain about."""
        return self.lines - 1 + _TAIL.count("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A private folder with the copies; the working directory and home of every analyser."""

    folder: Path
    copies: tuple[Copy, ...]

    def by_name(self, path: str) -> Copy | None:
        """Return the copy that an analyser calls ``path``, absolute or relative."""
        name = path.replace("\\", "/").rpartition("/")[2]
        return next((copy for copy in self.copies if copy.name == name), None)

    def only(self, copy: Copy) -> Scratch:
        """Return the same folder with one copy in view."""
        return Scratch(folder=self.folder, copies=(copy,))

    def env(self) -> dict[str, str]:
        """Return the environment of an analyser: its own home, no settings of the user."""
        # Windows programs do not start without the first two; a PATH finds an analyser's own parts.
        kept: Mapping[str, str] = {
            name: os.environ[name]
            for name in ("SYSTEMROOT", "COMSPEC", "PATH")
            if name in os.environ
        }
        home = str(self.folder)
        return {
            **kept,
            "HOME": home,
            "USERPROFILE": home,
            "XDG_CACHE_HOME": home,
            "XDG_CONFIG_HOME": home,
            "TMPDIR": home,
            "TEMP": home,
            "TMP": home,
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "SEMGREP_SEND_METRICS": "off",
            "NO_COLOR": "1",
        }


@contextlib.contextmanager
def scratch(sources: Sequence[Source]) -> Iterator[Scratch]:
    """Write ``sources`` into a fresh folder of mode 0700 outside any project, and remove it."""
    with tempfile.TemporaryDirectory(prefix="scan-") as made:
        folder = Path(made).resolve()
        copies = []
        for address, source in sorted({item.address: item for item in sources}.items()):
            text = source.data.decode("utf-8").replace("\r\n", "\n")
            copy = Copy(address=address, name=f"m_{address}.py", lines=text.count("\n") + 1)
            (folder / copy.name).write_bytes((text + _TAIL).encode("utf-8"))
            copies.append(copy)
        yield Scratch(folder=folder, copies=tuple(copies))

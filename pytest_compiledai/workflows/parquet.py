"""Parquet from a file that may be anybody's: decoded first where a crash harms nobody.

On some bytes the decoder asks for exabytes of memory and ends its whole process, which no caller
can catch. So a process of its own decodes a file before this one does; a file is asked for once.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run

if TYPE_CHECKING:
    import polars as pl

MOST_BYTES: Final = 256 << 20
MOST_ROWS: Final = 5_000_000
TIMEOUT_S: Final = 120.0
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")
_harmless: set[str] = set()  # digests of files that were decoded and ended no process


def read_parquet(data: bytes, path: str, section: str) -> pl.DataFrame:
    """Return the rows of a Parquet file that ``section`` of the page on workflows describes.

    Raises ``SpecError`` that names ``path`` for bytes that are none, or hold too much.
    """
    import polars as pl  # 0.2 s, and only a unit that is judged needs it

    name = digest(data)
    if name not in _harmless:
        if found := f"{len(data)} bytes" if len(data) > MOST_BYTES else _tried(data):
            raise SpecError(
                where=path,
                found=found,
                expected=f"Parquet of at most {MOST_BYTES} bytes and {MOST_ROWS} rows",
                next=f"see docs/workflows.md, section {section}",
            )
        _harmless.add(name)
    return pl.read_parquet(io.BytesIO(data), use_pyarrow=False)


def _tried(data: bytes) -> str:
    """Decode ``data`` in another process; return what is wrong with it, "" for nothing."""
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="compiledai-") as folder:
        file = Path(folder) / "rows.parquet"
        file.write_bytes(data)
        command = [sys.executable, "-P", "-m", __name__, str(file), str(MOST_ROWS)]
        try:
            ran = run(command, cwd=Path(folder), env=env, timeout_s=TIMEOUT_S)
        except ToolError as error:
            return f"a file whose decoder found {error.found}"
    if ran.code == 0:
        return ""
    told = ran.out.decode("utf-8", "replace").strip()
    return told or f"no Parquet: its decoder ended with {ran.code}"


def _told(data: bytes, most: int) -> str:
    import polars as pl

    try:
        # Told by the footer: a small file can unfold to any size.
        rows = pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item()
        if rows > most:
            return f"{rows} rows"
        pl.read_parquet(io.BytesIO(data), use_pyarrow=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        return f"no Parquet: {' '.join(str(error).split())[:120]}"
    return ""


if __name__ == "__main__":
    told = _told(Path(sys.argv[1]).read_bytes(), int(sys.argv[2]))
    sys.stdout.write(told)
    sys.exit(int(bool(told)))

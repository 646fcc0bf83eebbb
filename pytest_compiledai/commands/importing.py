"""`compiledai import`: the graph of another project as the draft of a dialogue spec."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.yamltext import yaml_mapping
from pytest_compiledai.dialogues.imports.files import SIZE_CAP
from pytest_compiledai.dialogues.imports.files import sketched

SPECS: Final = "specs"


def draft(root: Path, file: Path) -> int:
    """Write the draft of ``file`` as a spec; say what it still needs. Raises ``SettingsError``."""
    try:
        data = read_regular(root / file, cap=SIZE_CAP)
    except OSError as error:
        raise SettingsError(
            where=str(file),
            found=(error.strerror or str(error)).lower(),
            expected="a file that can be read",
            next="compiledai import FILE",
        ) from error
    sketch = sketched(data, file.as_posix())
    spec = sketch.spec(file.as_posix())
    path = f"{SPECS}/{spec['name']}.yaml"
    if (root / path).exists():
        raise SettingsError(
            where=path,
            found="a file that stands there already",
            expected="none",
            next=f"move it away, or compile it: pytest --compile {path}",
        )
    atomic_write(root / path, yaml_mapping(spec).encode())
    print(f"wrote {path}")  # noqa: T201 - a command speaks
    for note in sketch.notes:
        print(f"  to do: {note}")  # noqa: T201 - a command speaks
    print(f"next: mend it, then pytest --compile {path}")  # noqa: T201 - a command speaks
    return 0

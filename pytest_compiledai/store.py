"""The run's own store: what one process of a run found out, the others read.

Private to one run (outside the tree, mode 0700) and gone when it ends: no run reads a verdict that
another run wrote. A value that was begun and never finished means its process died; whoever comes
next is told so and does not try again, so that one crash is one failure.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.files import locked

PREFIX = "compiledai-run-"


class StoreError(CompiledAIError):
    """The run's store lacks what a process of this run had begun to write."""


@dataclass(frozen=True, slots=True)
class Store:
    """A folder shared by the processes of one run."""

    root: Path

    @classmethod
    def create(cls) -> Store:
        """Make a new, private store in the system's folder for temporary files.

        Stores of this user whose run was killed are removed on the way.
        """
        for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            if _is_left_behind(left):
                shutil.rmtree(left, ignore_errors=True)
        return cls(Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")))

    def remove(self) -> None:
        """Delete the store."""
        shutil.rmtree(self.root, ignore_errors=True)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock called ``name`` across the processes of this run."""
        return locked(self.root / "locks" / f"{name}.lock")

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the JSON value called ``name``, made by the first process that asks.

        Raises ``StoreError`` when the process that began to make it died.
        """
        path = self._value(name)
        if not path.exists():
            with self.lock(name):
                if not path.exists():
                    self._make(name, make)
        return self.read(name)

    def read(self, name: str) -> Any:
        """Return a finished value. Raises ``StoreError`` when there is none."""
        try:
            return json.loads(self._value(name).read_bytes())
        except FileNotFoundError:
            raise self._unfinished(name) from None

    def has(self, name: str) -> bool:
        """Return whether the value called ``name`` is finished."""
        return self._value(name).exists()

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data`` under its content address and return the address."""
        address = digest(data)
        path = self.root / "bytes" / address
        if not path.exists():
            atomic_write(path, data, durable=False)
        return address

    def get_bytes(self, address: str) -> bytes:
        """Return the bytes of a content address. Raises ``StoreError`` when they are others."""
        data = (self.root / "bytes" / address).read_bytes()
        if digest(data) != address:
            raise StoreError(
                where=str(self.root), found=f"changed bytes at {address[:12]}", expected="the same"
            )
        return data

    def folder(self, name: str) -> Path:
        """Return a folder of the store, made at first use."""
        path = self.root / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _make(self, name: str, make: Callable[[], Any]) -> None:
        begun = self._value(name).with_suffix(".begun")
        begun.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(begun, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise self._unfinished(name) from None
        try:
            value = make()
        except BaseException:
            # The maker is alive and reports its own error; the next one may try again.
            begun.unlink()
            raise
        atomic_write(self._value(name), canonical_json(value), durable=False)

    def _value(self, name: str) -> Path:
        return self.root / "values" / f"{name}.json"

    def _unfinished(self, name: str) -> StoreError:
        return StoreError(
            where=name,
            found="begun by a process of this run that died",
            expected="a finished value",
            next="run again; the same failure twice is worth a report",
        )


def _is_left_behind(folder: Path) -> bool:
    """Whether the process that made a store is gone; its number is part of the folder's name."""
    number = folder.name.removeprefix(PREFIX).partition("-")[0]
    if os.name == "nt" or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's run
    return False

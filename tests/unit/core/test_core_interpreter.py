"""Folders of the interpreter, asked for by threads side by side."""

from __future__ import annotations

import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_compiledai.core.interpreter import installed


def test_a_folder_is_that_of_sysconfig():
    """It is named as there."""
    assert installed("scripts") == Path(sysconfig.get_path("scripts"))


def test_threads_ask_one_after_the_other(monkeypatch):
    """The first question fills a table of sysconfig's, which another thread would read half full."""
    inside: list[int] = []
    together: list[int] = []

    def asked(name: str) -> str:
        inside.append(1)
        together.append(len(inside))
        time.sleep(0.005)
        inside.pop()
        return name

    monkeypatch.setattr(sysconfig, "get_path", asked)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(installed, ["stdlib"] * 8))

    assert [Path("stdlib")] * 8 == found
    assert [1] * 8 == together

"""What a process killed while it started a sandbox leaves in the folder for temporary files."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from pytest_compiledai.store import PREFIX

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the native sandbox needs Linux")


def test_the_folder_of_a_starting_zygote_is_taken_away_by_the_next_run(monkeypatch):
    """Its name is that of a store of this process, which the next run removes once that is gone."""
    from pytest_compiledai.core.calls import Conditions
    from pytest_compiledai.sandbox.zygote import Zygote

    made = []
    really = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **k: made.append(really(**k)) or made[-1])
    Zygote(Conditions(), ()).close()

    assert [Path(folder).name.startswith(f"{PREFIX}{os.getpid()}-") for folder in made] == [True]

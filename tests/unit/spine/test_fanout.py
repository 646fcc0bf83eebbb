"""Work that is fanned out by joblib comes back in order; what cannot be fanned out is said."""

from __future__ import annotations

import importlib.util
import os

import pytest

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.fanout import fanned

needs_joblib = pytest.mark.skipif(
    importlib.util.find_spec("joblib") is None, reason="needs the extra `scale`"
)


def placed(number: int) -> tuple[int, int]:
    """Return what was given, and the process that had it."""
    return number, os.getpid()


@needs_joblib
def test_answers_come_in_the_order_of_the_pieces_from_other_processes():
    """No piece is done in the caller's process, and none is lost or moved."""
    answers = fanned(placed, range(5), jobs=2)

    assert [0, 1, 2, 3, 4] == [number for number, _ in answers]
    assert os.getpid() not in {pid for _, pid in answers}


@pytest.mark.parametrize(
    ("backend", "address", "found"),
    [
        ("threads", "", "found threads; expected one of loky, dask, ray"),
        ("loky", "tcp://127.0.0.1:1", "found tcp://127.0.0.1:1; expected none for loky"),
        pytest.param("dask", "", "found no address", marks=needs_joblib),
    ],
)
def test_what_cannot_be_meant_is_an_error(backend, address, found):
    """An unknown backend, and an address too many or missing, end before any work."""
    with pytest.raises(SettingsError) as caught:
        fanned(placed, [1], jobs=1, backend=backend, address=address)

    assert found in str(caught.value)


def test_a_backend_that_is_not_installed_names_its_extra(monkeypatch):
    """A missing package is an error with the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r"pytest-compiledai\[ray\]"):
        fanned(placed, [1], jobs=1, backend="ray", address="local")

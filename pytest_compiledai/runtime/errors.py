"""The errors of ``compiled/__init__.py``, which this text becomes a part of."""

from __future__ import annotations


# From here on this text is spliced into compiled/__init__.py.
class NotCompiled(ImportError):
    """Nothing of this name is in the lock, or there is no lock."""


class IntegrityError(ImportError):
    """An artifact or the lock is not what it was when the artifact was frozen."""


class NeedsCapabilities(ImportError):
    """A unit was not given exactly the capabilities it was compiled with."""


class Abstain(Exception):
    """An artifact's refusal to answer one input; ``reason`` says why."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class NoFallback(Abstain):
    """The artifact gave no answer, and its fallback may not be asked now; ``reason`` says why.

    ``__cause__`` is what the artifact raised.
    """


class BadAnswer(ValueError):
    """A model answered something that is not of the function's return type."""

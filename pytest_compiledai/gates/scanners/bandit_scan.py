"""Bandit in this process: all tests, all severities, no suppression, no project configuration."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.gates.scanners.answer import Complaint
from pytest_compiledai.gates.scanners.copies import Scratch
from pytest_compiledai.gates.scanners.report import INSTALL

TOOL = "bandit"


def run(scratch: Scratch) -> list[Complaint]:
    """Return what Bandit reports; raises ``ToolError`` when it is missing or crashes."""
    with warnings.catch_warnings():
        # Where warnings are errors, Bandit's own imports and an odd escape in a file would stop it.
        warnings.simplefilter("ignore")
        try:
            return list(_complaints(scratch))
        except ImportError as error:
            raise ToolError(
                where=TOOL, found="no bandit installed", expected="bandit", next=INSTALL
            ) from error
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
            raise ToolError(where=TOOL, found=found, expected="a report") from error


def _complaints(scratch: Scratch) -> Iterator[Complaint]:
    # Bandit costs 0.1 s to import.
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    manager = BanditManager(BanditConfig(), "file", ignore_nosec=True)
    manager.discover_files([str(scratch.folder / copy.name) for copy in scratch.copies])
    manager.run_tests()
    # A skipped file has no canary, and so no confirmation.
    for issue in manager.get_issue_list(sev_level="LOW", conf_level="LOW"):
        yield Complaint(issue.fname, issue.lineno, issue.test_id, issue.text)

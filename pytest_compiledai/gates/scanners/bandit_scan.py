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


def run(scratch: Scratch) -> Iterator[Complaint]:
    """Yield what Bandit reports; raises ``ToolError`` when it is missing or skipped a file."""
    try:
        # Bandit costs 0.1 s to import.
        from bandit.core.config import BanditConfig
        from bandit.core.manager import BanditManager
    except ImportError as error:
        raise ToolError(
            where=TOOL, found="no bandit installed", expected="bandit", next=INSTALL
        ) from error
    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    manager = BanditManager(BanditConfig(), "file", ignore_nosec=True)
    manager.discover_files([str(scratch.folder / copy.name) for copy in scratch.copies])
    with warnings.catch_warnings():
        # Where warnings are errors, an odd escape in a sample would make Bandit skip the file.
        warnings.simplefilter("ignore")
        manager.run_tests()
    for path, reason in manager.skipped:
        # Reported as a file without its canary: the others keep their answers.
        yield Complaint(path, 0, "skipped", str(reason))
    for issue in manager.get_issue_list(sev_level="LOW", conf_level="LOW"):
        yield Complaint(issue.fname, issue.lineno, issue.test_id, issue.text)

"""Bandit as a program of its own, run by path: all tests, all severities, no configuration.

Prints one JSON array a complaint: file, line, code, text. Its command line does the same and reads
every file again for excerpts that nobody wants.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings


def main(names: list[str]) -> None:
    """Scan the files ``names`` of the working directory and print what Bandit says."""
    # An odd escape in a file is no matter of Bandit's, and its own imports are deprecated.
    warnings.simplefilter("ignore")
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    manager = BanditManager(BanditConfig(), "file", ignore_nosec=True)
    manager.discover_files(names)
    manager.run_tests()
    # A skipped file has no canary, and so no confirmation.
    for issue in manager.get_issue_list(sev_level="LOW", conf_level="LOW"):
        print(json.dumps([issue.fname, issue.lineno, issue.test_id, issue.text]))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

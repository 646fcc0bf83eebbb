"""The audit on public data: real questions with real answers, where the shared data lies beside."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from bench.audit_public import SETS
from pytest_compiledai.audit.audited import audit

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("name", "every", "decision"),
    [
        # 77 intents of a bank's customers: closed answers that words predict, and no short rule.
        ("banking77", 4, "weights"),
        # Answers of many models to questions known by their number alone: nothing to learn from.
        ("flow/zeroeval", 100, "keep"),
    ],
)
def test_public_data_are_judged_by_what_they_hold(tmp_path, name, every, decision):
    """Every line is read, and every site gets the decision that its data allow."""
    if not (DATA / name).is_dir():
        pytest.skip(f"no shared/data/{name} beside the checkout")
    records = list(itertools.islice(SETS[name](DATA / name), None, None, every))
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")

    found = audit([log])

    assert (len(records), 0) == (found.log.tally.lines, found.log.tally.unreadable)
    assert {decision} == {str(site.decision.target) for site in found.sites}

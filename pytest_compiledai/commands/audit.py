"""`compiledai audit`: which calls of a log could be compiled, to what, and when that pays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def audit(root: Path, logs: Sequence[Path], *, as_json: bool, draft: Path | None) -> int:
    """Print the audit of ``logs``; with ``draft``, write a spec for each site that is code."""
    from pytest_compiledai.audit import as_json as json_page
    from pytest_compiledai.audit import as_text as text_page
    from pytest_compiledai.audit.audited import audit as audited
    from pytest_compiledai.audit.draft import draft_all

    found = audited(logs)
    drafts = draft_all(found, root.resolve(), draft) if draft is not None else ()
    if as_json:
        data = json_page.as_json(found) | {"drafts": [each.as_json() for each in drafts]}
        print(json.dumps(data, indent=2, ensure_ascii=True))  # noqa: T201 - a command speaks
        return 0
    other = sum(not each.is_code for each in drafts)
    lines = [text_page.as_text(found), *(each.as_text() for each in drafts if each.is_code)]
    lines += [f"no draft of {other} sites whose decision is not code"] if other else []
    print("\n".join(lines))  # noqa: T201 - a command speaks
    return 0

"""`ci comment`: one comment on a pull request that follows its runs.

Runs in a workflow of its own that may write comments, after the run that judged the change. What
that run left is anybody's: it is read strictly, shown as plain text, and its word for the number
of the pull request counts only where that one's head is the commit that ran.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_compiledai import github
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.record import read_record
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.report import markdown

#: The first line of the comment, by which the next run finds it.
MARK = "<!-- compiledai -->"
AUTHOR = "github-actions[bot]"
MOST_BYTES = 60_000  # of a comment; GitHub takes 65,536 characters
MOST_COMMAND_BYTES = 8_000  # a longer one names every unit better by naming none
MOST_FOLDERS = 256
TIMEOUT_S = 60.0
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}")
_COMMENTS = '.[] | {id, body, login: .user.login} | select(.login == "' + AUTHOR + '")'


def comment(folders: Sequence[Path], environ: Mapping[str, str], *, only_stale: bool) -> str:
    """Write the comment, in place of the one before, and return a line that says what was done.

    With ``only_stale``, a comment is begun only where an artifact is stale. Raises
    ``ArtifactError`` for what cannot be read, ``ToolError`` where GitHub refuses.
    """
    records = [read_record(folder) for folder in folders[:MOST_FOLDERS]]
    record = combined(records)
    hub = Hub(environ)
    reason = hub.refusal(record.pull_request)
    if reason:
        return f"no comment: {reason}"
    before = hub.comment(record.pull_request)
    if only_stale and before is None and not stale(record.results):
        return "no comment: nothing is stale"
    hub.write(record.pull_request, before, body(record))
    return f"commented on pull request {record.pull_request}"


def combined(records: Sequence[Record]) -> Record:
    """Return one record of all jobs of a run: of a unit judged twice, the one that failed."""
    first = records[0]
    if {record.pull_request for record in records} != {first.pull_request}:
        raise ArtifactError(
            where="ci comment",
            found="records of more than one pull request",
            expected="what the jobs of one run left",
        )
    results: dict[str, Result] = {}
    for result in (result for record in records for result in record.results):
        if result.unit not in results or not result.accepted:
            results[result.unit] = result
    return replace(
        first,
        results=tuple(results[name] for name in sorted(results)),
        outside=tuple(dict.fromkeys(text for record in records for text in record.outside)),
    )


def stale(results: Sequence[Result]) -> list[Result]:
    """Return the results whose artifacts the change left stale."""
    return [result for result in results if result.outcome is Outcome.STALE]


def body(record: Record) -> str:
    """Return the comment: the command that mends what is stale, then the summary."""
    lead = f"{MARK}\n"
    behind = stale(record.results)
    if behind:
        command = markdown.compile_command(behind)
        if len(command.encode()) > MOST_COMMAND_BYTES:
            command = "pytest --compile"
        lead += (
            f"### Stale: {len(behind)}\n\nRun this, then commit `compiledai.lock`, artifacts and "
            f"recordings:\n\n```console\n{command}\n```\n\n"
        )
    room = MOST_BYTES - len(lead.encode())
    try:
        return lead + markdown.render(record.facts(Path()), most_bytes=room).decode()
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        # Figures of a record can be any JSON.
        raise ArtifactError(
            where="ci comment",
            found=f"figures that cannot be shown: {error!r:.100}",
            expected="a record as `ci run` writes it",
        ) from None


class Hub:
    """GitHub, asked through its own program `gh`, which every runner has."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.repository = environ.get("GITHUB_REPOSITORY", "")
        self.ran: Mapping[str, Any] = github.event(environ).get("workflow_run", {})
        if not _REPOSITORY.fullmatch(self.repository) or not self.ran:
            raise SettingsError(
                where="ci comment",
                found="no event `workflow_run` of a repository",
                expected="a workflow that a finished run starts",
                next="docs/ci.md, the section on the comment",
            )

    def refusal(self, number: int) -> str:
        """Return why the run is none of the open pull request ``number``; empty when it is."""
        if not number or self.ran.get("event") != "pull_request":
            return "the run was for no pull request"
        pull = json.loads(self._api(f"repos/{self.repository}/pulls/{number}"))
        head = pull["head"]
        if pull["state"] != "open":
            return f"pull request {number} is {pull['state']}"
        if head["sha"] != self.ran["head_sha"]:
            return f"the head of pull request {number} is another commit than the one that ran"
        ran_in = (self.ran["head_repository"] or {}).get("full_name")
        if ran_in is None or (head["repo"] or {}).get("full_name") != ran_in:
            return f"pull request {number} comes from another repository than the run"
        return ""

    def comment(self, number: int) -> int | None:
        """Return the id of our comment on a pull request; None where there is none."""
        path = f"repos/{self.repository}/issues/{number}/comments?per_page=100"
        for line in self._api(path, "--paginate", "--jq", _COMMENTS).splitlines():
            found = json.loads(line)
            # Anybody can write the mark; only this workflow's account can have written the comment.
            if found["login"] == AUTHOR and found["body"].startswith(MARK):
                return int(found["id"])
        return None

    def write(self, number: int, before: int | None, text: str) -> None:
        """Write a comment, or another text into the one there is."""
        issues = f"repos/{self.repository}/issues"
        path = f"{issues}/comments/{before}" if before else f"{issues}/{number}/comments"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "body"
            file.write_text(text, encoding="utf-8", newline="\n")
            self._api(path, "--method", "PATCH" if before else "POST", "--field", f"body=@{file}")

    def _api(self, path: str, *arguments: str) -> str:
        argv = ["gh", "api", path, *arguments]
        ran = run(argv, cwd=Path.cwd(), env=self.environ, timeout_s=TIMEOUT_S)
        if ran.code:
            raise ToolError(
                where=f"gh api {path}",
                found=f"exit code {ran.code}: {ran.err.decode(errors='replace').strip()[:300]}",
                expected="an answer",
                next="give the job `permissions: pull-requests: write` and GH_TOKEN",
            )
        return ran.out.decode("utf-8")

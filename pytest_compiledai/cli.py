"""The `compiledai` command: what one does beside a run of pytest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_compiledai.core.errors import CompiledAIError

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 good, 1 findings, 2 cannot be done."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.command(options)
    except CompiledAIError as error:
        print(f"compiledai: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compiledai", description=__doc__)
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the project's root (default: this folder)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compiled"),
        help="the folder of artifacts below the root (default: compiled); the lock lies beside it",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="write a first spec, .gitattributes and .gitignore")
    init.add_argument(
        "--from",
        dest="source",
        metavar="FILE[#NAME]",
        help="draft it from a Python function, an OpenAPI operation or a tool definition",
    )
    init.set_defaults(command=_init)
    check = commands.add_parser("check", help="run the static gates on files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.add_argument("--gate", choices=("security", "syntax"), help="one gate alone")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(command=_check)
    attempt = commands.add_parser("try", help="call a frozen function, time and price it")
    attempt.add_argument("name", metavar="NAME")
    attempt.add_argument("input", metavar="JSON")
    attempt.set_defaults(command=_try)
    keep = commands.add_parser("keep", help="make the last counterexample a train row")
    keep.add_argument("name", metavar="NAME")
    keep.add_argument("--output", metavar="JSON", help="the right answer for it")
    keep.add_argument("--input", metavar="JSON", help="another input than the last counterexample")
    keep.set_defaults(command=_keep)
    diff = commands.add_parser(
        "diff", help="show the promises and answers that changed between revisions"
    )
    diff.add_argument("name", metavar="NAME")
    diff.add_argument("before", nargs="?", default="HEAD", metavar="BEFORE", help="default: HEAD")
    diff.add_argument("after", nargs="?", default="", metavar="AFTER", help="default: what is here")
    diff.add_argument("--examples", type=int, default=500, help="drawn inputs (default: 500)")
    diff.add_argument("--json", action="store_true", help="print all changes as JSON")
    diff.set_defaults(command=_diff)
    audit = commands.add_parser("audit", help="say which calls of a log could be compiled")
    audit.add_argument("logs", nargs="+", type=Path, metavar="LOGS", help="log files or folders")
    audit.add_argument("--json", action="store_true", help="print the figures as JSON")
    audit.add_argument(
        "--draft", type=Path, metavar="DIR", help="write a spec with golden rows for what is code"
    )
    audit.set_defaults(command=_audit)
    explain = commands.add_parser(
        "explain", help="why a unit has its verdict, what it costs, where its spec is weak"
    )
    explain.add_argument("name", metavar="NAME")
    explain.add_argument(
        "--mutants",
        type=_count,
        default=60,
        metavar="N",
        help="most mistakes to plant in the artifact; 0: none (default: 60)",
    )
    explain.add_argument("--json", action="store_true", help="print everything as JSON")
    explain.set_defaults(command=_explain)
    report = commands.add_parser("report", help="show a JSON report, or write it in other forms")
    report.add_argument("source", type=Path, metavar="REPORT.json")
    report.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="one with .html, .sarif, .md or .json"
    )
    report.set_defaults(command=_report)
    _add_sign(commands)
    _add_dialogues(commands)
    recordings = commands.add_parser("recordings", help="many recordings in one file, or apart")
    recordings.add_argument("action", choices=("pack", "unpack"))
    recordings.add_argument("folder", type=Path, metavar="DIR", help="the folder of recordings")
    recordings.add_argument(
        "--keep", action="store_true", help="leave the files that are packed where they are"
    )
    recordings.set_defaults(command=_recordings)
    return parser


def _add_sign(commands: Any) -> None:
    sign = commands.add_parser("sign", help="sign the lock with a key outside the repository")
    sign.add_argument("--key", type=Path, metavar="PATH", help="default: COMPILEDAI_SIGNING_KEY")
    sign.add_argument("--new-key", type=Path, metavar="PATH", help="write a new private key only")
    sign.add_argument("--revision", type=int, metavar="N", help="default: one more than the last")
    sign.set_defaults(command=_sign)


def _add_dialogues(commands: Any) -> None:
    serve = commands.add_parser("serve", help="answer for a frozen dialogue over HTTP, OpenAI-like")
    serve.add_argument("name", metavar="NAME")
    serve.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    serve.add_argument("--port", type=_count, default=8000, help="0: a free one (default: 8000)")
    serve.set_defaults(command=_serve)
    draft = commands.add_parser("import", help="draft a dialogue from another project's graph")
    draft.add_argument("file", type=Path, metavar="FILE", help="LangGraph, Mermaid, Rasa, ...")
    draft.set_defaults(command=_import)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:  # noqa: PLR2004 - a million
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number below a million")
    return int(text)


def _recordings(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands import recordings

    folder = options.root / options.folder
    if options.action == "pack":
        return recordings.pack(folder, keep=options.keep)
    return recordings.unpack(folder, keep=options.keep)


def _serve(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.serve import serve

    return serve(options.root, options.out, options.name, host=options.host, port=options.port)


def _import(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.importing import draft

    return draft(options.root, options.file)


def _sign(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.sign import new_key
    from pytest_compiledai.commands.sign import sign

    if options.new_key is not None:
        return new_key(options.root, options.new_key)
    out = options.root / options.out
    return sign(options.root, out, options.key, revision=options.revision)


def _init(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.init import init
    from pytest_compiledai.commands.init import init_from

    return init_from(options.root, options.source) if options.source else init(options.root)


def _check(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.check import check

    out = options.root / options.out
    return check(options.root, out, options.files, gate=options.gate, as_json=options.json)


def _try(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.attempt import attempt

    return attempt(options.root, options.out, options.name, options.input)


def _keep(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.keep import keep
    from pytest_compiledai.commands.units import lock_of

    lock = lock_of(options.root, options.out)
    return keep(options.root, lock, options.name, output=options.output, value=options.input)


def _diff(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.diff import diff
    from pytest_compiledai.commands.revision import Revision

    return diff(
        Revision(options.root, options.out, options.before),
        Revision(options.root, options.out, options.after),
        options.name,
        examples=options.examples,
        as_json=options.json,
    )


def _audit(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.audit import audit

    return audit(options.root, options.logs, as_json=options.json, draft=options.draft)


def _explain(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.explain import explain
    from pytest_compiledai.commands.units import lock_of

    lock = lock_of(options.root, options.out)
    return explain(options.root, lock, options.name, most=options.mutants, as_json=options.json)


def _report(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.reporting import report

    return report(options.root, options.out, options.source, options.paths)


if __name__ == "__main__":
    sys.exit(main())

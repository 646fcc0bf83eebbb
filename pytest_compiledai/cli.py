"""The `compiledai` command: what one does beside a run of pytest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

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
    init.set_defaults(command=_init)
    check = commands.add_parser("check", help="run the static gates on files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.add_argument("--gate", choices=("security", "syntax"), help="one gate alone")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(command=_check)
    attempt = commands.add_parser("try", help="call a frozen function once")
    attempt.add_argument("name", metavar="NAME")
    attempt.add_argument("input", metavar="JSON")
    attempt.set_defaults(command=_try)
    keep = commands.add_parser("keep", help="make the last counterexample a train row")
    keep.add_argument("name", metavar="NAME")
    keep.add_argument("--output", metavar="JSON", help="the right answer for it")
    keep.add_argument("--input", metavar="JSON", help="another input than the last counterexample")
    keep.set_defaults(command=_keep)
    sign = commands.add_parser("sign", help="sign the lock with a key outside the repository")
    sign.add_argument("--key", type=Path, metavar="PATH", help="default: COMPILEDAI_SIGNING_KEY")
    sign.add_argument("--new-key", type=Path, metavar="PATH", help="write a new private key only")
    sign.add_argument("--revision", type=int, metavar="N", help="default: one more than the last")
    sign.set_defaults(command=_sign)
    return parser


def _sign(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.sign import new_key
    from pytest_compiledai.commands.sign import sign

    if options.new_key is not None:
        return new_key(options.root, options.new_key)
    out = options.root / options.out
    return sign(options.root, out, options.key, revision=options.revision)


def _init(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.init import init

    return init(options.root)


def _check(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.check import check

    out = options.root / options.out
    return check(options.root, out, options.files, gate=options.gate, as_json=options.json)


def _try(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.attempt import attempt

    return attempt(options.root / options.out, options.name, options.input)


def _keep(options: argparse.Namespace) -> int:
    from pytest_compiledai.commands.keep import keep

    lock = (options.root / options.out).parent / "compiledai.lock"
    return keep(options.root, lock, options.name, output=options.output, value=options.input)


if __name__ == "__main__":
    sys.exit(main())

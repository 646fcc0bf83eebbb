"""The commands of CI: `run`, `merge` and `comment` of what it leaves, `spread` over machines."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from pytest_compiledai.core.errors import CompiledAIError

Command = Callable[[argparse.Namespace], int]
FOLDER = Path("compiledai-report")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: pytest's for `run`, else 0, 1 or 2."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.command(options)
    except CompiledAIError as error:
        print(f"compiledai: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    from pytest_compiledai.ci.running import MODES

    parser = argparse.ArgumentParser(prog="python -m pytest_compiledai.ci", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the gates and tell the job what they found")
    run.add_argument("--mode", choices=tuple(MODES), default="locked")
    run.add_argument("--specs", default="specs/", help="paths, as a shell reads them")
    run.add_argument("--pytest-args", default="", help="more arguments, as a shell reads them")
    run.add_argument("--report-dir", type=Path, default=FOLDER, metavar="DIR")
    run.add_argument("--shard", default="", metavar="I/N", help="run one part of the units")
    run.add_argument("--annotations", choices=("true", "false"), default="true")
    run.set_defaults(command=_run)
    merge = commands.add_parser("merge", help="make the reports of all parts those of one run")
    merge.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    merge.add_argument("--report-dir", type=Path, default=FOLDER, metavar="DIR")
    merge.add_argument("--write", action="store_true", help="write what the parts froze, too")
    merge.set_defaults(command=_merge)
    spread = commands.add_parser("spread", help="run the units in parts, by joblib, and merge them")
    spread.add_argument("--mode", choices=tuple(MODES), default="locked")
    spread.add_argument("--specs", default="specs/", help="paths, as a shell reads them")
    spread.add_argument("--pytest-args", default="", help="more arguments, as a shell reads them")
    spread.add_argument("--report-dir", type=Path, default=FOLDER, metavar="DIR")
    spread.add_argument("--parts", type=int, metavar="N", help="default: as many as jobs")
    spread.add_argument("--jobs", type=int, default=2, metavar="N", help="parts at once")
    spread.add_argument("--backend", choices=("loky", "dask", "ray"), default="loky")
    spread.add_argument("--address", default="", help="of the dask or ray scheduler")
    spread.set_defaults(command=_spread)
    comment = commands.add_parser("comment", help="tell a pull request what its run found")
    comment.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    comment.add_argument("--only-stale", action="store_true", help="only where something is stale")
    comment.set_defaults(command=_comment)
    return parser


def _comment(options: argparse.Namespace) -> int:
    from pytest_compiledai.ci.commenting import comment

    print(comment(options.folders, os.environ, only_stale=options.only_stale))  # noqa: T201
    return 0


def _merge(options: argparse.Namespace) -> int:
    from pytest_compiledai.ci.merging import merge
    from pytest_compiledai.ci.running import say

    record = merge(options.folders, options.report_dir, root=Path.cwd(), write=options.write)
    code = int(not record.good)
    # The parts have shown their remarks already.
    say(record, code, options.report_dir, os.environ, annotate=False)
    return code


def _spread(options: argparse.Namespace) -> int:
    from pytest_compiledai.ci.running import say
    from pytest_compiledai.ci.spreading import spread
    from pytest_compiledai.summary import total_lines
    from pytest_compiledai.summary import unit_lines

    record = spread(
        parts=options.parts or options.jobs,
        mode=options.mode,
        specs=options.specs,
        pytest_args=options.pytest_args,
        into=options.report_dir,
        jobs=options.jobs,
        backend=options.backend,
        address=options.address,
    )
    code = int(not record.good)
    lines = [
        *unit_lines(record.results, verbose=False),
        *total_lines(record.results, live=record.live),
    ]
    print("\n".join([*(line.text for line in lines), *record.outside]))  # noqa: T201 - it speaks
    say(record, code, options.report_dir, os.environ, annotate=True)
    return code


def _run(options: argparse.Namespace) -> int:
    from pytest_compiledai.ci.running import Job
    from pytest_compiledai.ci.running import run

    job = Job.of(
        mode=options.mode,
        specs=options.specs,
        pytest_args=options.pytest_args,
        folder=options.report_dir,
        shard=options.shard,
        annotate=options.annotations == "true",
    )
    return run(job, os.environ)


if __name__ == "__main__":
    sys.exit(main())

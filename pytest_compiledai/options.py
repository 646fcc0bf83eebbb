"""The options of the command line and their settings, in one table; imports nothing but pytest.

Every option ``--compile-x-y`` has a setting ``compiledai_x_y`` in the pytest configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of the command line."""

    flag: str
    help: str
    kind: Literal["flag", "value", "list"] = "value"
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    mode: bool = False  # implies --compile

    @property
    def setting(self) -> str:
        """The name in the pytest configuration: `--compile-model` is `compiledai_model`."""
        tail = self.flag.removeprefix("--compile").lstrip("-").replace("-", "_")
        return f"compiledai_{tail or 'compile'}"

    @property
    def dest(self) -> str:
        """The attribute of the parsed command line."""
        return self.flag.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option(
        flag="--compile",
        kind="flag",
        help="compile what is new, renew or repair what is stale, re-judge what is fresh",
    ),
    Option(
        flag="--compile-locked",
        kind="flag",
        mode=True,
        help="for CI: no model, writes nothing; stale or edited is a failure; gates run again",
    ),
    Option(
        flag="--compile-frozen",
        kind="flag",
        mode=True,
        help="like locked, but staleness is no error: gates run with the specs as they stand",
    ),
    Option(
        flag="--compile-update",
        kind="flag",
        mode=True,
        help="propose again even what is fresh, with fresh sample numbers",
    ),
    Option(
        flag="--compile-accept",
        kind="flag",
        mode=True,
        help="take an artifact edited by hand, through all gates",
    ),
    Option(
        flag="--compile-prune",
        kind="flag",
        mode=True,
        help="drop entries and artifacts whose spec is gone",
    ),
    Option(
        flag="--compile-model",
        metavar="NAME",
        help="a LiteLLM model name, bridge/NAME, or builtin/synth, which asks no model",
    ),
    Option(
        flag="--compile-record",
        choices=("none", "missing", "all"),
        metavar="MODE",
        help="none: replay only; missing: replay, ask for what is missing; all: ask again "
        "(default: missing with a model configured, else none)",
    ),
    Option(
        flag="--compile-recordings",
        metavar="DIR",
        help="where recordings are (default: recordings/ beside the spec)",
    ),
    Option(
        flag="--compile-out",
        metavar="DIR",
        help="where artifacts go (default: compiled/ at the root); the lock lies beside it",
    ),
    Option(
        flag="--compile-attempts",
        metavar="N",
        help="proposals a chain, repairs included (default: the spec's, else 3)",
    ),
    Option(flag="--compile-budget-tokens", metavar="N", help="most tokens a live run may spend"),
    Option(flag="--compile-budget-usd", metavar="X", help="most US dollars a live run may spend"),
    Option(
        flag="--compile-sandbox",
        choices=("auto", "docker", "native"),
        metavar="NAME",
        help="auto (default): the strongest that passes its probes; docker; native",
    ),
    Option(
        flag="--compile-drift",
        mode=True,
        metavar="FILE",
        help="ask the drift item too: sampled calls (.jsonl or .sqlite) against labels, reference "
        "and golden rows",
    ),
    Option(
        flag="--compile-report",
        kind="list",
        metavar="PATH",
        help="write a report, by suffix: .json, .html, .sarif or .md; repeatable",
    ),
)
#: Capabilities are granted here and nowhere else: one line `unit: clock, module:zoneinfo`.
GRANTS_SETTING = "compiledai_grants"
#: The image of the docker sandbox, pinned by its digest; unset on Linux: made of the interpreter.
DOCKER_IMAGE_SETTING = "compiledai_docker_image"


#: Settings without an option: who may sign the lock is not for the command line of one run.
SIGNATURE_SETTING = "compiledai_signature"
KEYS_SETTING = "compiledai_trusted_keys"
REVISION_SETTING = "compiledai_minimum_revision"


def add_options(parser: pytest.Parser) -> None:
    """Register every option and its setting."""
    group = parser.getgroup("compiledai", "compile specs into frozen artifacts")
    for option in OPTIONS:
        if option.kind == "flag":
            group.addoption(option.flag, action="store_true", default=False, help=option.help)
            parser.addini(option.setting, option.help, type="bool", default=False)
        elif option.kind == "list":
            group.addoption(
                option.flag, action="append", default=[], metavar=option.metavar, help=option.help
            )
            parser.addini(option.setting, option.help, type="linelist", default=[])
        else:
            group.addoption(
                option.flag,
                default=None,
                metavar=option.metavar,
                choices=option.choices,
                help=option.help,
            )
            parser.addini(option.setting, option.help, type="string", default="")
    parser.addini(
        GRANTS_SETTING,
        "capabilities granted to units, a line each: `unit: clock, module:zoneinfo`; `*` is all",
        type="linelist",
        default=[],
    )
    parser.addini(
        DOCKER_IMAGE_SETTING,
        "image of the docker sandbox, NAME@sha256:DIGEST (unset on Linux: made of this Python)",
        type="string",
        default="",
    )
    policies = "off, verify (a signature that is there is good) or required; for locked and frozen"
    parser.addini(SIGNATURE_SETTING, policies, type="string", default="")
    keys = "public keys, 64 hex digits each, whose signature of the lock is good"
    parser.addini(KEYS_SETTING, keys, type="linelist", default=[])
    parser.addini(REVISION_SETTING, "lowest revision of a signature", type="string", default="")


def is_active(config: pytest.Config) -> bool:
    """Return whether this run compiles: ``--compile`` or any option that implies it."""
    flags = (option for option in OPTIONS if option.mode or option.flag == "--compile")
    return any(config.getoption(o.dest) or config.getini(o.setting) for o in flags)


def refuse_without_effect(config: pytest.Config) -> None:
    """Raise ``UsageError`` where the command line has an option of ours and nothing compiles.

    What stands in ``addopts`` is left alone: it is there for the runs that do.
    """
    given = {str(argument).partition("=")[0] for argument in config.invocation_params.args}
    stray = [option.flag for option in OPTIONS if option.flag in given]
    if stray and not is_active(config):
        raise pytest.UsageError(
            f"{stray[0]}: found a run that compiles nothing; expected --compile or a mode that "
            f"implies it; next: pytest --compile {stray[0]} ..."
        )

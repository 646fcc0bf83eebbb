"""What a run was asked to do: the command line over the pytest configuration, checked once."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from decimal import Decimal
from decimal import InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.sampled import SUFFIXES as CALLS_SUFFIXES
from pytest_compiledai.options import DOCKER_IMAGE_SETTING
from pytest_compiledai.options import GRANTS_SETTING
from pytest_compiledai.options import KEYS_SETTING
from pytest_compiledai.options import OPTIONS
from pytest_compiledai.options import REVISION_SETTING
from pytest_compiledai.options import SIGNATURE_SETTING
from pytest_compiledai.trust import Trust
from pytest_compiledai.trust import read_trust

if TYPE_CHECKING:
    import pytest

DEFAULT_ATTEMPTS = 3
REPORT_SUFFIXES = (".json", ".html", ".sarif", ".md")
_PINNED = re.compile(r"[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}")
_GRANT = re.compile(r"^(\*|[a-z][a-z0-9_]{0,63})\s*:\s*(.+)$")


class Mode(enum.StrEnum):
    """What the run does with what it finds."""

    COMPILE = "compile"
    LOCKED = "locked"
    FROZEN = "frozen"
    UPDATE = "update"
    ACCEPT = "accept"

    @property
    def writes(self) -> bool:
        """Whether artifacts and the lock may change."""
        return self not in (Mode.LOCKED, Mode.FROZEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the user chose."""

    mode: Mode
    prune: bool
    model: str | None
    record: str  # none | missing | all
    root: Path
    out: Path
    recordings: Path | None
    attempts: int | None
    budget_tokens: int | None
    budget_usd: Decimal | None
    sandbox: str
    docker_image: str  # NAME@sha256:DIGEST, or empty
    drift: Path | None  # a file of sampled calls
    reports: tuple[Path, ...]
    grants: Mapping[str, frozenset[str]]
    trust: Trust = field(default_factory=Trust)

    @property
    def lock(self) -> Path:
        """The lock lies beside the out folder."""
        return self.out.parent / "compiledai.lock"

    @property
    def shown_lock(self) -> str:
        """The lock as messages and commands name it; where it is a link, the link."""
        return self.lock.relative_to(self.root).as_posix()

    @property
    def live(self) -> bool:
        """Whether a model may be asked."""
        return self.model not in (None, BUILTIN) and self.record != "none"


def read_settings(config: pytest.Config) -> Settings:
    """Return the settings of this run. Raises ``SettingsError`` for what cannot be meant."""
    values = {option.dest: _value(config, option.dest, option.setting) for option in OPTIONS}
    mode = _mode(values)
    model = values["compile_model"] or None
    if model and not mode.writes:
        if config.getoption("compile_model"):
            raise SettingsError(
                where=f"--compile-{mode}",
                found=f"--compile-model {model}",
                expected="no model: this mode never asks one",
                next=f"pytest --compile-{mode} without --compile-model",
            )
        model = None
    root = _root(config)
    recordings = values["compile_recordings"]
    return Settings(
        mode=mode,
        prune=_prune(values, mode),
        model=model,
        record=_record(values["compile_record"], model),
        root=root,
        out=_inside(root, values["compile_out"] or "compiled"),
        recordings=(root / recordings).resolve() if recordings else None,
        attempts=_count("--compile-attempts", values["compile_attempts"]),
        budget_tokens=_count("--compile-budget-tokens", values["compile_budget_tokens"]),
        budget_usd=_money("--compile-budget-usd", values["compile_budget_usd"]),
        sandbox=values["compile_sandbox"] or "auto",
        docker_image=_pinned(config.getini(DOCKER_IMAGE_SETTING)),
        drift=_calls(root, values["compile_drift"]),
        reports=tuple(_report(root, text) for text in values["compile_report"]),
        grants=_grants(config.getini(GRANTS_SETTING)),
        trust=read_trust(
            config.getini(SIGNATURE_SETTING),
            config.getini(KEYS_SETTING),
            config.getini(REVISION_SETTING),
        ),
    )


def _value(config: pytest.Config, dest: str, setting: str) -> Any:
    return config.getoption(dest) or config.getini(setting)


def _root(config: pytest.Config) -> Path:
    # Without a configuration file pytest takes the arguments' common folder as its root; artifacts
    # would then land in specs/. The folder the command was given in is what a user means.
    return (config.rootpath if config.inipath else config.invocation_params.dir).resolve()


def _mode(values: Mapping[str, Any]) -> Mode:
    chosen = [mode for mode in Mode if values.get(f"compile_{mode}")]
    if len(chosen) > 1:
        raise SettingsError(
            where="command line",
            found=" and ".join(f"--compile-{mode}" for mode in chosen),
            expected="one mode",
            next="pytest --help",
        )
    return chosen[0] if chosen else Mode.COMPILE


def _prune(values: Mapping[str, Any], mode: Mode) -> bool:
    if values["compile_prune"] and not mode.writes:
        raise SettingsError(
            where="command line",
            found=f"--compile-prune and --compile-{mode}",
            expected="a mode that may write",
            next="pytest --compile-prune",
        )
    return bool(values["compile_prune"])


def _record(text: str, model: str | None) -> str:
    if text in ("missing", "all") and model is None:
        raise SettingsError(
            where=f"--compile-record {text}",
            found="no model",
            expected="--compile-model NAME or the setting compiledai_model",
            next="pytest --compile --compile-model NAME",
        )
    if text in ("missing", "all") and model == BUILTIN:
        raise SettingsError(
            where=f"--compile-record {text}",
            found=f"--compile-model {BUILTIN}, which asks no model",
            expected="--compile-record none, or a model to ask",
            next=f"pytest --compile --compile-model {BUILTIN}",
        )
    if text not in ("", "none", "missing", "all", None):
        raise SettingsError(
            where="compiledai_record",
            found=text,
            expected="none, missing or all",
            next="take the setting out: replay without a model, missing with one",
        )
    return text or ("missing" if model not in (None, BUILTIN) else "none")


def _inside(root: Path, text: str) -> Path:
    path = (root / text).resolve()
    if path == root or not path.is_relative_to(root):
        raise SettingsError(
            where="--compile-out",
            found=text,
            expected="a folder below the root of the project",
            next="name one relative to the root, such as --compile-out src/shop/compiled",
        )
    # What imports the folder looks for the lock beside the link, a run beside what it leads to.
    named = Path(os.path.normpath(root / text))
    if named.is_relative_to(root) and any(
        part.is_symlink() for part in (named, *named.parents) if part.is_relative_to(root)
    ):
        raise SettingsError(
            where="--compile-out",
            found=f"{text}, which leads over a symlink",
            expected="a folder of its own, with the lock beside it",
            next=f"name the folder that it leads to, or put a plain one at {text}",
        )
    return path


def _count(flag: str, text: str | None) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise SettingsError(
            where=flag, found=text, expected="a whole number of at least 1", next=f"{flag} 3"
        )
    return int(text)


def _money(flag: str, text: str | None) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0:
        raise SettingsError(
            where=flag, found=text, expected="an amount above 0", next=f"{flag} 2.50"
        )
    return amount


def _pinned(image: str) -> str:
    if image and not _PINNED.fullmatch(image):
        raise SettingsError(
            where=DOCKER_IMAGE_SETTING,
            found=image,
            expected="an image pinned by its digest: NAME@sha256:DIGEST, 64 hexadecimal digits",
            next="docker images --digests",
        )
    return image


def _calls(root: Path, text: str | None) -> Path | None:
    if text and Path(text).suffix not in CALLS_SUFFIXES:
        raise SettingsError(
            where="--compile-drift",
            found=text,
            expected=f"a file that ends in {', '.join(CALLS_SUFFIXES)}",
            next="name the file that `compiled.sample` writes",
        )
    return (root / text).resolve() if text else None


def _report(root: Path, text: str) -> Path:
    if Path(text).suffix not in REPORT_SUFFIXES:
        raise SettingsError(
            where="--compile-report",
            found=text,
            expected=f"a path that ends in {' or '.join(REPORT_SUFFIXES)}",
            next=f"--compile-report {Path(text).stem or 'report'}.html",
        )
    return root / text


def _grants(lines: list[str]) -> dict[str, frozenset[str]]:
    grants: dict[str, frozenset[str]] = {}
    for line in lines:
        match = _GRANT.match(line.strip())
        if match is None:
            raise SettingsError(
                where=GRANTS_SETTING,
                found=line,
                expected="`unit: capability, capability`, or `*` for every unit",
                next="write the line so, for example `stamped: clock, module:zoneinfo`",
            )
        names = frozenset(name.strip() for name in match[2].split(","))
        grants[match[1]] = grants.get(match[1], frozenset()) | names
    return grants

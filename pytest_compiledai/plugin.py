"""pytest's front door: options and markers; everything else wakes with ``--compile``.

Imports pytest and the standard library only, so that plain ``pytest`` runs pay next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_compiledai.options import add_options
from pytest_compiledai.options import is_active
from pytest_compiledai.options import refuse_without_effect

if TYPE_CHECKING:
    from collections.abc import Generator

MARKERS = {
    "security": "gate: the capability policy and the analysers",
    "syntax": "gate: parses, signature, types, complexity",
    "execution": "gate: runs in the sandbox and is stable",
    "accuracy": "gate: golden rows",
    "latency": "gate: time of a call",
    "fuzz": "gate: generated inputs and the reference",
    "drift": "gate: sampled calls of production",
    "cost": "gate: what a run of a workflow, a cascade or a skill costs",
    "function": "kind: one pure function",
    "demos": "kind: demonstrations for a cheap model, a dear one behind it",
    "skill": "kind: instructions and tools in the place of a graph of agents",
    "workflow": "kind: a trade-off set of a graph of calls",
    "dialogue": "kind: a conversation along a graph",
    "model": "kind: a model, the regions of its step, and the whole",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options and their settings."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let a project's ``conftest.py`` add gates and kinds."""
    from pytest_compiledai import hooks

    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and, when this run compiles, the rest of the plugin."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: compiledai {meaning}")
    if is_active(config):
        # The rest is imported here so that a run without --compile loads none of it.
        from pytest_compiledai.session import activate

        activate(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let no setting end a run that judges before it judged anything, and no option be in vain."""
    refuse_without_effect(config)
    if is_active(config) or config.option.help:  # what comes after a `--help` is not parsed
        from pytest_compiledai.choosing import refuse_showing

        refuse_showing(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Ask whether ``--compile`` was meant when a YAML argument matches nothing."""
    try:
        return (yield)
    except pytest.UsageError as error:
        named = [
            arg for arg in session.config.args if arg.split("::")[0].endswith((".yaml", ".yml"))
        ]
        if is_active(session.config) or not named:
            raise
        hint = f"did you mean --compile? try: pytest --compile {' '.join(named)}"
        raise pytest.UsageError(*error.args, hint) from None

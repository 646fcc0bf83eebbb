"""Writes the frozen code of a flow: the engine's own text round the flow's tables."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.dialogues.frozen.tables import Tables

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.flow import Flow

_TABLES = "# tables: a flow's own take the place of these\n"
_CONSTANTS = "# constants\n"
_STANDS_IN = "class Abstain(Exception):"
_AGAIN = "# code: the frozen file begins again here\n"
_MODEL = 'MODEL = Model((), b"", {}, {}, 0.0, 0.0)'


def engine_text() -> str:
    """Return the text that every frozen machine shares."""
    text = files(__package__).joinpath("engine.py").read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def emitted(flow: Flow) -> bytes:
    """Return the module whose function is called like the flow."""
    head, _, rest = engine_text().partition(_TABLES)
    constants, _, rest = rest.partition(_CONSTANTS)[2].partition(_STANDS_IN)
    code = rest.partition(_AGAIN)[2]
    code = code.replace(_MODEL, 'MODEL = read_model(FILES["intents.safetensors"])')
    body = f"{head}{_tables(Tables(flow))}{constants.rstrip()}\n\n\n{code.lstrip()}"
    body = body.replace("def turn(data", f"def {flow.name}(data")
    return body.replace("    turn({", f"    {flow.name}({{").encode("utf-8")


def _tables(tables: Tables) -> str:
    lines = [
        "FILES: Mapping[str, bytes]",
        _mapping("NODES", tables.nodes),
        _mapping("INTENTS", tables.intents),
        _mapping("VALUES", tables.values),
        "PATTERNS = {",
        *(
            f"    {name!r}: re.compile({text!r}, re.ASCII),"
            for name, text in tables.patterns.items()
        ),
        "}",
        "GUARDS = {",
        *(f"    {name!r}: lambda facts: {text}," for name, text in tables.guards.items()),
        "}",
        f"NUMBERS = frozenset({tables.numbers!r})",
        f"START = {tables.flow.start!r}",
        "",
    ]
    return "\n".join(lines)


def _mapping(name: str, value: dict[str, Any]) -> str:
    """Return an assignment, one item a line."""
    lines = [f"    {key!r}: {item!r}," for key, item in value.items()]
    return "\n".join([f"{name} = {{", *lines, "}"])

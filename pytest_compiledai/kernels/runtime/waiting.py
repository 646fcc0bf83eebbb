"""Whether compiled code reads or writes, before it waits, what the kernel in front may still write.

Looked at is the code that the compiler made (PTX) and not the text it came from: a compiler may
move a load. What stands in front of the wait is one straight line there, so that following each
address back to the parameter it began as is enough. Whatever cannot be followed is a reason.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Final

_WAIT: Final = "griddepcontrol.wait"
_ENTRY: Final = re.compile(r"^\.visible \.entry (\w+)\(", re.MULTILINE)
_LABEL: Final = re.compile(r"^\$L__BB\w+:", re.MULTILINE)
_INSTRUCTION: Final = re.compile(r"^\s*(?:@!?%\w+\s+)?([a-z][\w.:]*)\s+([^;]*);", re.MULTILINE)
_REGISTER: Final = re.compile(r"%\w+")
_PARAMETER: Final = re.compile(r"\w+_param_(\d+)\b")
_LEAVES: Final = ("bra", "brx", "ret", "exit", "call")
_WRITES: Final = ("st", "atom", "red", "cp", "prefetch", "prefetchu", "discard", "multimem")
_OWN: Final = (".shared", ".param", ".local")  # no other kernel sees these


def too_early(ptx: str, parameters: Mapping[int, str], weights: Collection[str]) -> str:
    """Return what a kernel does before it waits and must not; empty where there is nothing.

    ``parameters`` are the names of the pointers among its parameters, by their places, and
    ``weights`` those of them that no kernel writes.
    """
    entry = _ENTRY.search(ptx)
    code = ptx[entry.start() :] if entry else ""
    ahead, waits, _ = code.partition(_WAIT)
    if not waits:
        return "it never waits for the kernel in front"
    if _LABEL.search(ahead):
        return "there is more than one way to its wait"
    return next(_reasons(ahead, parameters, frozenset(weights)), "")


def _reasons(ahead: str, parameters: Mapping[int, str], weights: frozenset[str]) -> Iterator[str]:
    known: dict[str, frozenset[str]] = {}  # register -> the pointers it is computed from
    for code, operands in _INSTRUCTION.findall(ahead):
        kind = code.split(".")[0]
        if kind in _LEAVES:
            yield f"{code} stands before its wait"
        elif (kind == "ld" and ".param" in code) or _PARAMETER.search(operands):
            # Which parameter is read may itself be chosen, by the place that it lies at.
            target, _, sources = operands.partition(",")
            places = [int(place) for place in _PARAMETER.findall(sources)]
            named = {parameters[place] for place in places if place in parameters}
            known[_REGISTER.findall(target)[0]] = _union(sources, known) | named
        elif any(space in code for space in _OWN):
            continue
        elif kind in _WRITES:
            yield f"{code} stands before its wait"
        elif kind in ("ld", "ldu"):
            *_, address = operands.partition("[")
            read = _union(address, known)
            if not read or read - weights:
                yield f"it reads {', '.join(sorted(read)) or 'an unknown place'} before it waits"
        else:
            target, _, sources = operands.partition(",")
            for register in _REGISTER.findall(target):
                known[register] = _union(sources, known)


def _union(text: str, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for register in _REGISTER.findall(text):
        found |= known.get(register, frozenset())
    return found
